import { FaasmemError, toFaasmemError } from "../base/errors.ts";
import { versionText } from "../base/version.ts";
import type { CellRecord, Store } from "../results/store.ts";
import { simulatedSeconds } from "../simulator/estimate.ts";
import { playKeepAlive } from "../trace/keep-alive.ts";
import { LOADS_TRACE, loadsTrace } from "../trace/loads-trace.ts";
import { QUICK_TRACE, quickTrace } from "../trace/quick-trace.ts";
import { SYNTHETIC_TRACE, syntheticTrace } from "../trace/synthetic-trace.ts";
import { type Trace, windowOf } from "../trace/trace.ts";
import { runCell } from "./cell.ts";
import { machine } from "./machine.ts";
import { type CellPlan, cellLabel, type ExperimentPlan, type TraceWindow } from "./plan.ts";
import { problemsOf, warningsOf } from "./problems.ts";
import type { Progress } from "./progress.ts";

export interface ExperimentResult {
  run: number;
  records: CellRecord[];
  /** What is wrong with this run: failures, differing answers. */
  problems: string[];
  /** What its numbers suffered from: late arrivals. */
  warnings: string[];
}

/** Makes the numbers of a cell. */
export type CellRunner = (plan: CellPlan) => Promise<CellRecord>;

/** Start, warm-up, drain and stop of a cell's node in real seconds, for the estimate of the time left. */
const OVERHEAD_S = 5;
/** Requests in an hour of an average window, for the estimate of a simulation. */
const REQUESTS_PER_HOUR = 300;

/** Expected real seconds of a cell. */
export const cellSeconds = (plan: ExperimentPlan, window: TraceWindow): number =>
  plan.mode === "simulate"
    ? simulatedSeconds((window.windowS / 3600) * REQUESTS_PER_HOUR, true)
    : window.windowS / (window.timeScale ?? plan.timeScale) + OVERHEAD_S;

/** Expected real seconds of everything. */
export const planSeconds = (plan: ExperimentPlan): number =>
  plan.functions.length *
  plan.systems.length *
  plan.repeats *
  plan.windows.reduce((sum, window) => sum + cellSeconds(plan, window), 0);

/** The trace by its name. @throws FaasmemError UNKNOWN_TRACE */
export function traceOf(name: string, store: Store): Trace {
  if (name === QUICK_TRACE) return quickTrace();
  if (name === LOADS_TRACE) return loadsTrace();
  return name === SYNTHETIC_TRACE ? syntheticTrace() : store.loadTrace(name);
}

/** The arrivals of a window. @throws FaasmemError UNKNOWN_WINDOW */
export function arrivalsOf(window: TraceWindow, trace: Trace): number[] {
  const fn = trace.functions[window.traceFunction];
  const arrivals = fn ? windowOf(fn, window.startIndex, window.windowS) : [];
  if (arrivals.length > 0) return arrivals;
  throw new FaasmemError(
    "UNKNOWN_WINDOW",
    `trace ${trace.name} has no arrival ${window.startIndex} of function ${window.traceFunction}`,
    {
      fix: fn
        ? `choose --start-index below ${fn.arrivals.length}`
        : `choose --trace-function below ${trace.functions.length}`,
      kind: "usage",
    },
  );
}

/** The reference's semi-warm delay of a window: P99 of the reuse intervals of its own arrivals, at least 60 s. */
function delayOf(window: TraceWindow, trace: Trace): number {
  const fn = trace.functions[window.traceFunction]!;
  const count = windowOf(fn, window.startIndex, window.windowS).length;
  const cut = (column: Float64Array) => column.subarray(window.startIndex, window.startIndex + count);
  const own = { id: fn.id, arrivals: cut(fn.arrivals), durations: cut(fn.durations) };
  return playKeepAlive(own).delayS(99);
}

/**
 * All cells of a plan in their order: what is compared with each other stands together, and every other repeat the other way round, so
 * that a machine whose speed drifts favours no system.
 */
export function cellsOf(plan: ExperimentPlan, trace: Trace, signal: AbortSignal): CellPlan[] {
  const { plane, tracker, timeScale, seed, initWindow, heatmap } = plan;
  const cells: CellPlan[] = [];
  for (let repeat = 0; repeat < plan.repeats; repeat++) {
    const systems = repeat % 2 === 0 ? plan.systems : plan.systems.toReversed();
    for (const window of plan.windows) {
      const arrivals = arrivalsOf(window, trace);
      const semiWarmDelayS = plan.semiWarmDelay === "window" ? delayOf(window, trace) : null;
      for (const fn of plan.functions) {
        for (const system of systems) {
          cells.push({
            ...{ function: fn, system, plane, tracker, window, repeat, arrivals, semiWarmDelayS },
            ...{ timeScale: window.timeScale ?? timeScale, seed: seed + repeat, initWindow, heatmap, signal },
          });
        }
      }
    }
  }
  return cells;
}

/** Records that an experiment began; the run's number. */
export function beginRun(plan: ExperimentPlan, store: Store): number {
  return store.startRun({
    experiment: plan.name,
    seed: plan.seed,
    timeScale: plan.mode === "simulate" ? 1 : plan.timeScale,
    trace: plan.trace,
    config: plan,
    machine: machine(),
    version: versionText(),
  });
}

/**
 * Runs the cells of a run that are not stored yet, one after the other; a cell that fails does not lose the others. The
 * caller says how the run ended.
 *
 * @param run of `beginRun`, or one that was cut off
 * @param runner makes a cell's numbers; default: really runs it
 */
export async function runExperiment(
  plan: ExperimentPlan,
  run: number,
  store: Store,
  progress: Progress,
  signal: AbortSignal,
  runner: CellRunner = runCell,
): Promise<ExperimentResult> {
  const cells = plan.windows.length > 0 ? cellsOf(plan, traceOf(plan.trace, store), signal) : [];
  const { records } = store.loadRun(run);
  const problems: string[] = [];
  const stored = new Set(records.map(({ cell }) => keyOf(cell)));
  for (const cell of cells) {
    signal.throwIfAborted();
    const key = { ...cell, window: cell.window.label };
    const label = cellLabel(key, plan);
    const seconds = cellSeconds(plan, cell.window);
    progress.begin(label);
    if (stored.has(keyOf(key))) {
      progress.end(seconds, `${label}: there already`);
      continue;
    }
    const record = await tryCell(() => runner(cell));
    signal.throwIfAborted();
    progress.end(seconds, `${label}: ${record instanceof FaasmemError ? "failed" : "done"}`);
    if (record instanceof FaasmemError) {
      problems.push(`${label}: ${record.message} (${record.fix})`);
      continue;
    }
    store.saveCell(run, record);
    records.push(record);
  }
  const all = records.map((record) => record.cell);
  problems.push(...problemsOf(all, plan));
  return { run, records, problems, warnings: warningsOf(all, plan) };
}

const keyOf = (cell: { function: string; system: string; window: string; repeat: number }): string =>
  JSON.stringify([cell.function, cell.system, cell.window, cell.repeat]);

async function tryCell(run: () => Promise<CellRecord>): Promise<CellRecord | FaasmemError> {
  try {
    return await run();
  } catch (error) {
    return toFaasmemError(error);
  }
}
