import { accessSync, constants, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { experiments, studyOf } from "../../experiments/index.ts";
import { FaasmemError } from "../base/errors.ts";
import { parseOption } from "../base/units.ts";
import { runCell } from "../experiment/cell.ts";
import type { Study } from "../experiment/definition.ts";
import { type ExperimentPlan, timeScales, timeScaleText } from "../experiment/plan.ts";
import { Progress } from "../experiment/progress.ts";
import {
  beginRun,
  type CellRunner,
  cellsOf,
  planSeconds,
  runExperiment,
  traceOf,
} from "../experiment/run.ts";
import { missingFor, missingSeconds, profilingRunner, simulator } from "../experiment/simulation.ts";
import { assertSomething, needsProfiles, runStudy, studySeconds } from "../experiment/studies.ts";
import { experimentTable, tableNote } from "../report/experiment-table.ts";
import { slowRequests } from "../report/slow-requests.ts";
import { formatTable } from "../report/table.ts";
import type { Run } from "../results/schema.ts";
import type { CellRecord, Store } from "../results/store.ts";
import { openStore } from "../results/store.ts";
import { addRunOptions, chosenPlan, type RunOptions } from "./experiment-options.ts";

const index = z.coerce.number().int().min(0).max(100_000_000);

export function command(): Command {
  const root = new Command("experiment")
    .summary("run experiments and show their results")
    .description("Runs experiments and shows their results.");
  const run = root
    .command("run <name>")
    .description(
      [
        "Runs an experiment. quick, and everything with --mode replay, really runs functions in sandboxes against a memory",
        "server; --mode simulate calculates from profiles of this machine with the same policies.",
        "",
        "  quick       web, json and graph really run, ten minutes of arrivals 30 times as fast",
        "  loads       every function really run under four loads: high, bursty, steady, rare (4 hours)",
        "  validate    the same cells replayed and simulated: how far is the simulator off?",
        ...Object.values(experiments).map(({ name, summary }) => `  ${name.padEnd(11)} ${summary}`),
      ].join("\n"),
    );
  addRunOptions(run)
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem experiment run quick\n  faasmem experiment run benchmarks --lite\n  faasmem experiment run benchmarks --mode replay --function web --window-label low --time-scale 30\n  faasmem experiment run quick --trace azure2021 --trace-function 60 --window 3600",
    )
    .action(startRun);
  const validate = root
    .command("validate")
    .description(
      "Replays cells and simulates the same ones: how far is the simulator off? (run validate, with other JSON)",
    );
  addRunOptions(validate)
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem experiment validate --json\n  faasmem experiment validate --function web --system baseline,faasmem,tmo --repeat 3",
    )
    .action((options: RunOptions) => startRun("validate", options));
  root
    .command("resume [run]")
    .description(
      "Goes on with a run that was cut off or had failures: what is stored stays (default: the newest).",
    )
    .option("--out <dir>", "folder of the figure", ".")
    .option("--json", "print JSON instead of the table")
    .option("--quiet", "no progress")
    .addHelpText("after", "\nExamples:\n  faasmem experiment resume\n  faasmem experiment resume 12")
    .action(resumeRun);
  root
    .command("list")
    .description("Lists the runs that are stored.")
    .option("--json", "print JSON")
    .action((options: { json?: boolean }) => {
      const store = openStore();
      const all = store.listRuns();
      store.close();
      if (options.json) console.log(JSON.stringify(all));
      else {
        console.log(
          formatTable(
            ["run", "experiment", "mode", "started", "status", "trace", "time scale"],
            all.map((row) => [
              String(row.id),
              row.experiment,
              (row.config as Partial<ExperimentPlan>).mode ?? "replay",
              row.startedAt.toISOString(),
              row.status,
              row.trace,
              timeScaleText(planOfRun(row)),
            ]),
          ),
        );
      }
    });
  root
    .command("show [run]")
    .description("Shows the results of a run (default: the newest).")
    .option("--json", "print JSON")
    .action((id: string | undefined, options: { json?: boolean }) => {
      const store = openStore();
      const { run: row, records } = loadRun(store, id);
      store.close();
      print(row.id, planOfRun(row), records, options.json === true);
    });
  return root;
}

/** A run's stored plan; imported ones and those of older versions have no windows. */
const planOfRun = ({ config, timeScale }: Run) => ({
  windows: [],
  ...(config as Partial<ExperimentPlan>),
  timeScale,
});

const loadRun = (store: Store, id: string | undefined) =>
  store.loadRun(id === undefined ? undefined : parseOption("RUN", index, id));

async function startRun(name: string, options: RunOptions): Promise<void> {
  const store = openStore();
  try {
    const { plan, study } = await chosenPlan(name, options, store);
    assertSomething(plan, study);
    await execute(plan, study, () => beginRun(plan, store), store, options);
  } finally {
    store.close();
  }
}

async function resumeRun(id: string | undefined, options: RunOptions): Promise<void> {
  const store = openStore();
  try {
    const { run } = loadRun(store, id);
    const plan = run.config as ExperimentPlan;
    if (run.status === "done" || !Array.isArray(plan.windows)) {
      const why = run.status === "done" ? "is complete" : "is of an older version of faasmem";
      throw new FaasmemError("NOTHING_TO_RESUME", `run ${run.id} ${why}`, {
        fix: "see: faasmem experiment list",
        kind: "usage",
      });
    }
    const begin = () => {
      store.resumeRun(run.id);
      return run.id;
    };
    await execute(plan, studyOf(plan.name), begin, store, options);
  } finally {
    store.close();
  }
}

/** @param begin records that it began, when nothing can be wrong with the plan any more; the run's number */
async function execute(
  plan: ExperimentPlan,
  study: Study | undefined,
  begin: () => number,
  store: Store,
  options: Pick<RunOptions, "out" | "json" | "quiet">,
): Promise<void> {
  const stop = new AbortController();
  if (plan.windows.length > 0) cellsOf(plan, traceOf(plan.trace, store), stop.signal); // a wrong window is said at once
  const out = resolve(options.out);
  mkdirSync(out, { recursive: true });
  accessSync(out, constants.W_OK); // else hours of work would end in an error
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort(signal));
  if (plan.windowNote) console.error(`note: ${plan.windowNote}`);
  const simulates = needsProfiles(study, plan);
  const missing = simulates ? missingFor(plan.functions, store) : { bench: false, profiles: [] };
  const seconds = missingSeconds(missing) + planSeconds(plan) + studySeconds(study, plan, store);
  const progress = new Progress(seconds, { quiet: options.quiet === true });
  const run = begin();
  try {
    let runner: CellRunner = runCell;
    if (simulates) runner = await simulator(missing, store, progress, stop.signal);
    else if (study === "validation")
      runner = profilingRunner(store.loadRun(run).run.startedAt, store, progress, stop.signal);
    const result = await runExperiment(plan, run, store, progress, stop.signal, runner);
    if (study) result.problems.push(...(await runStudy(study, plan, run, store, progress, stop.signal)));
    store.finishRun(run, result.problems.length > 0 ? "failed" : "done");
    progress.stop();
    const validation = store.loadDocument(run, "validation");
    if (options.json === true && validation) console.log(JSON.stringify({ run, cells: validation }));
    else print(run, plan, result.records, options.json === true);
    if (study && options.json !== true) await printStudy(store, run);
    await drawFigures(store, run, out);
    for (const warning of result.warnings) console.error(`warning: ${warning}`);
    for (const problem of result.problems) console.error(`problem: ${problem}`);
    if (result.problems.length > 0) {
      console.error(`what is missing can be tried again: faasmem experiment resume ${run}`);
      process.exitCode = 1;
    }
  } catch (error) {
    progress.stop();
    store.finishRun(run, stop.signal.aborted ? "interrupted" : "failed");
    if (!stop.signal.aborted) throw error;
    console.error(`interrupted: finished cells are stored; go on with: faasmem experiment resume ${run}`);
    process.exitCode = 130;
  }
}

/** The tables of what was found beside cells. */
async function printStudy(store: Store, run: number): Promise<void> {
  const [{ runTables }, { terminalTable }] = await Promise.all([
    import("../report/run-figures.ts"),
    import("../report/export/terminal.ts"),
  ]);
  for (const table of runTables(store, run)) console.log(terminalTable(table));
}

async function drawFigures(store: Store, run: number, out: string): Promise<void> {
  const { writeRunFigures } = await import("../report/run-figures.ts");
  for (const path of await writeRunFigures(store, run, out)) console.error(`figure: ${path}`);
}

function print(
  id: number,
  plan: Partial<ExperimentPlan> & Pick<ExperimentPlan, "timeScale" | "windows">,
  records: readonly CellRecord[],
  json: boolean,
): void {
  const cells = records.map((record) => record.cell);
  if (json) {
    const shown = records.map((record) => {
      const { resultHash: _, memoryMetric: __, ...cell } = record.cell;
      return { ...cell, slowRequests: slowRequests(record) };
    });
    const memoryMetric = cells[0]?.memoryMetric ?? "pss";
    const windowNote = plan.windowNote ?? null;
    const { slowest, fastest } = timeScales(plan);
    const timeScale = slowest === fastest ? slowest : null;
    console.log(JSON.stringify({ run: id, memoryMetric, timeScale, windowNote, cells: shown }));
    return;
  }
  if (cells.length === 0) return;
  console.log(experimentTable(records));
  console.log(tableNote(cells, timeScaleText(plan)));
  if (plan.windowNote) console.log(plan.windowNote);
}
