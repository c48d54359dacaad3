import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { quick } from "../../experiments/quick.ts";
import { FaasmemError } from "../base/errors.ts";
import { count, parseOption, positive } from "../base/units.ts";
import { Progress } from "../experiment/progress.ts";
import { arrivalsOf, cellSeconds, type ExperimentPlan, runExperiment, traceOf } from "../experiment/run.ts";
import { resolvePolicy } from "../memory/systems.ts";
import { parseFunctions, parseSystems, planeName } from "../node/options.ts";
import { experimentTable, tableNote } from "../report/experiment-table.ts";
import { formatTable } from "../report/table.ts";
import type { CellRecord } from "../results/store.ts";
import { openStore } from "../results/store.ts";

const experiments: Record<string, ExperimentPlan> = { quick };

interface RunOptions {
  function?: string;
  system?: string;
  plane?: string;
  policy?: string;
  trace?: string;
  traceFunction?: string;
  startIndex?: string;
  window?: string;
  timeScale?: string;
  seed?: string;
  initWindow?: string;
  heatmap?: boolean;
  out: string;
  json?: boolean;
  quiet?: boolean;
}

const index = z.coerce.number().int().min(0).max(100_000_000);

export function command(): Command {
  const root = new Command("experiment")
    .summary("run experiments and show their results")
    .description("Runs experiments and shows their results.");
  root
    .command("run <name>")
    .description("Runs an experiment: real sandboxes, a replayed trace, a real memory server. Known: quick.")
    .option("--function <names>", "functions, separated by commas")
    .option("--system <names>", "systems, separated by commas")
    .option("--plane <name>", "where pages go: uffd or swap (see: faasmem driver)")
    .option("--policy <file>", "your own policy as one more system: a TypeScript file")
    .option("--trace <name>", "trace to replay (see: faasmem trace list)")
    .option("--trace-function <rank>", "whose arrivals: 0 = the trace's busiest function")
    .option("--start-index <n>", "first arrival of the window")
    .option("--window <seconds>", "length of the window in trace seconds")
    .option("--time-scale <n>", "trace seconds that pass in one real second")
    .option("--seed <n>", "seed of the requests' inputs")
    .option("--init-window <n>", "requests of the Init Pucket's window, for all functions")
    .option("--heatmap", "draw which pages of a sandbox are local over time, too")
    .option("--out <dir>", "folder of the figure", ".")
    .option("--json", "print JSON instead of the table")
    .option("--quiet", "no progress")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem experiment run quick\n  faasmem experiment run quick --function web --time-scale 60 --json\n  faasmem experiment run quick --trace azure2021 --trace-function 60 --window 3600",
    )
    .action(run);
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
            ["run", "experiment", "started", "status", "trace", "time scale"],
            all.map((row) => [
              String(row.id),
              row.experiment,
              row.startedAt.toISOString(),
              row.status,
              row.trace,
              String(row.timeScale),
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
      const { run: row, records } = store.loadRun(
        id === undefined ? undefined : parseOption("RUN", index, id),
      );
      store.close();
      print(row.id, row.timeScale, records, options.json === true);
    });
  return root;
}

async function run(name: string, options: RunOptions): Promise<void> {
  const known = Object.hasOwn(experiments, name) ? experiments[name] : undefined;
  if (!known) {
    throw new FaasmemError("UNKNOWN_EXPERIMENT", `no experiment "${name}"`, {
      fix: `choose one of: ${Object.keys(experiments).join(", ")}`,
      kind: "usage",
    });
  }
  const given = <T>(flag: string, schema: z.ZodType<T>, value: unknown, fallback: T): T =>
    value === undefined ? fallback : parseOption(flag, schema, value);
  const systems = options.system === undefined ? [...known.systems] : parseSystems(options.system);
  if (options.policy !== undefined) {
    await resolvePolicy(options.policy); // a file that is none is said before anything starts
    systems.push(options.policy);
  }
  const plan: ExperimentPlan = {
    ...known,
    functions: options.function === undefined ? known.functions : parseFunctions(options.function),
    systems: [...new Set(systems)],
    plane: given("--plane", planeName, options.plane, known.plane),
    trace: options.trace ?? known.trace,
    traceFunction: given("--trace-function", index, options.traceFunction, known.traceFunction),
    startIndex: given("--start-index", index, options.startIndex, known.startIndex),
    windowS: given("--window", positive, options.window, known.windowS),
    timeScale: given("--time-scale", positive, options.timeScale, known.timeScale),
    seed: given("--seed", index, options.seed, known.seed),
    heatmap: options.heatmap === true,
    initWindow: given("--init-window", count.optional(), options.initWindow, known.initWindow),
  };
  const store = openStore();
  arrivalsOf(plan, traceOf(plan.trace, store)); // a wrong window is said before anything starts
  const out = resolve(options.out);
  mkdirSync(out, { recursive: true });
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort(signal));
  const cells = plan.functions.length * plan.systems.length;
  const progress = new Progress(cells * cellSeconds(plan), { quiet: options.quiet === true });
  try {
    const result = await runExperiment(plan, store, progress, stop.signal);
    progress.stop();
    const { writeExperimentFigure } = await import("../report/experiment-figure.ts");
    const figure = await writeExperimentFigure(result.records, join(out, `faasmem-${plan.name}.svg`));
    print(result.run, plan.timeScale, result.records, options.json === true);
    console.error(`figure: ${figure}`);
    if (result.records.some((record) => record.heatmap)) {
      const { writeHeatmapFigure } = await import("../report/heatmap-figure.ts");
      const path = join(out, `faasmem-${plan.name}-heatmap.svg`);
      console.error(`figure: ${await writeHeatmapFigure(result.records, path)}`);
    }
    for (const problem of result.problems) console.error(`problem: ${problem}`);
    process.exitCode = result.problems.length > 0 ? 1 : 0;
  } catch (error) {
    progress.stop();
    if (!stop.signal.aborted) throw error;
    console.error("interrupted: finished cells are stored (faasmem experiment show)");
    process.exitCode = 130;
  } finally {
    store.close();
  }
}

function print(id: number, timeScale: number, records: readonly CellRecord[], json: boolean): void {
  const cells = records.map((record) => record.cell);
  if (json) {
    const shown = cells.map(({ resultHash: _, memoryMetric: __, ...cell }) => cell);
    console.log(
      JSON.stringify({ run: id, memoryMetric: cells[0]?.memoryMetric ?? "pss", timeScale, cells: shown }),
    );
    return;
  }
  console.log(experimentTable(cells));
  console.log(tableNote(cells, timeScale));
}
