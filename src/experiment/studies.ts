import { FaasmemError, toFaasmemError } from "../base/errors.ts";
import type { Documents } from "../results/documents.ts";
import type { Store } from "../results/store.ts";
import { simulatorInputs } from "../simulator/inputs.ts";
import { validate } from "../simulator/validate.ts";
import { semiwarmDocument, sourceOf } from "../trace/analysis.ts";
import { SYNTHESIS_2019, synthesized } from "../trace/synthesis.ts";
import type { Study } from "./definition.ts";
import { DENSITY_BUDGET, FILLING_S, measureDensity, realNodes, simulatedNodes } from "./density.ts";
import { measureOverhead, OVERHEAD_SANDBOXES } from "./overhead.ts";
import type { ExperimentPlan, Mode } from "./plan.ts";
import type { Progress } from "./progress.ts";
import { cellsOf, traceOf } from "./run.ts";
import { missingFor, missingSeconds, repeatSeconds, simulator } from "./simulation.ts";

/** Real seconds of one sandbox of `overhead`, a dozen requests: of those functions that take long, and of others. */
const BARRIERS_S = new Map([
  ["matmul", 28],
  ["linpack", 12],
  ["image", 12],
  ["bert", 9],
]);
const barriersSeconds = (name: string) => BARRIERS_S.get(name) ?? 4;

/** Real seconds of `semiwarm`: a trace of two weeks, and the 20,000 functions that are synthesized without one. */
const SEMIWARM_S = { trace: 20, synthesized: 100 };

/** Real seconds of simulating what a validation replayed. */
const VALIDATION_S = 5;

/** A validated cell's simulations, with the inputs of its replays and other luck: what the simulator expects. */
const SIMULATIONS = 9;

export const studyMode = ({ mode, studyMode }: ExperimentPlan): Mode => studyMode ?? mode;

/** Does any of it need profiles of this machine? */
export const needsProfiles = (study: Study | undefined, plan: ExperimentPlan): boolean =>
  (plan.mode === "simulate" && plan.windows.length > 0) ||
  ((study === "barriers" || study === "density") && studyMode(plan) === "simulate");

/** Expected real seconds of an experiment's study. */
export function studySeconds(study: Study | undefined, plan: ExperimentPlan, store: Store): number {
  if (study === "validation")
    return missingSeconds(missingFor(plan.functions, store, new Date())) + repeatSeconds(plan) + VALIDATION_S;
  const mode = studyMode(plan);
  if (study === "barriers" && mode === "replay")
    return plan.functions.reduce((sum, name) => sum + OVERHEAD_SANDBOXES * barriersSeconds(name), 0);
  if (study === "density") return plan.functions.length * plan.systems.length * FILLING_S[mode];
  if (study === "semiwarm") return plan.trace === SYNTHESIS_2019 ? SEMIWARM_S.synthesized : SEMIWARM_S.trace;
  return 0;
}

/** Does what an experiment does beside its cells, unless it is stored already. @returns problems */
export async function runStudy(
  study: Study,
  plan: ExperimentPlan,
  run: number,
  store: Store,
  progress: Progress,
  signal: AbortSignal,
): Promise<string[]> {
  if (store.loadDocument(run, study)) return [];
  try {
    const mode = studyMode(plan);
    if (study === "barriers") {
      const rows =
        mode === "simulate"
          ? profiledBarriers(plan.functions, store)
          : await barriers(plan, progress, signal);
      store.saveDocument(run, "barriers", rows);
    } else if (study === "density") {
      const nodes =
        mode === "simulate"
          ? simulatedNodes(simulatorInputs(store), plan.seed, signal)
          : realNodes(plan.seed, signal);
      const rows = await measureDensity(plan.functions, plan.systems, nodes, signal, (row) =>
        progress.end(FILLING_S[mode], `${row.function} under ${row.system}: ${row.sandboxes} sandboxes`),
      );
      store.saveDocument(run, "density", {
        budgetBytes: DENSITY_BUDGET,
        simulated: mode === "simulate",
        rows,
      });
    }
    if (study === "validation") {
      const { run: row, records } = store.loadRun(run);
      const missing = missingFor(plan.functions, store, row.startedAt);
      const runner = await simulator(missing, store, progress, signal);
      const calculated = [];
      for (const cell of cellsOf(plan, traceOf(plan.trace, store), signal))
        for (let luck = 0; luck < SIMULATIONS / plan.repeats; luck++)
          calculated.push(await runner(cell, luck));
      store.saveDocument(run, "validation", validate(records, calculated));
    }
    if (study === "semiwarm") {
      const source = plan.trace === SYNTHESIS_2019 ? synthesized() : sourceOf(traceOf(plan.trace, store));
      progress.begin(`${source.functions} functions`);
      const found = await semiwarmDocument(source, {}, undefined, signal);
      store.saveDocument(run, "semiwarm", found);
      progress.end(studySeconds(study, plan, store), `${source.functions} functions`);
    }
    return [];
  } catch (error) {
    signal.throwIfAborted();
    const { message, fix } = toFaasmemError(error);
    return [`${study}: ${message} (${fix})`];
  }
}

const barriers = (plan: ExperimentPlan, progress: Progress, signal: AbortSignal) =>
  measureOverhead(plan.functions, plan.seed, signal, (name) =>
    progress.end(barriersSeconds(name), `barriers of ${name}`),
  );

/** What the functions' profiles measured of barriers. @throws FaasmemError NO_BENCH, NO_PROFILE */
function profiledBarriers(functions: readonly string[], store: Store): Documents["barriers"] {
  const inputs = simulatorInputs(store);
  return functions.map((name) => ({
    function: name,
    sandboxes: inputs.functionOf(name).profile.model.barriers,
  }));
}

/** @throws FaasmemError NOTHING_TO_RUN */
export function assertSomething(plan: ExperimentPlan, study: Study | undefined): void {
  if (plan.windows.length * plan.functions.length * plan.systems.length > 0 || study) return;
  throw new FaasmemError("NOTHING_TO_RUN", `${plan.name}: no function, system or window is left`, {
    fix: "leave out --function, --system or --window-label",
    kind: "usage",
  });
}
