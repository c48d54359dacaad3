import { FaasmemError, toFaasmemError } from "../base/errors.ts";
import { buildInfo } from "../base/version.ts";
import type { Plane } from "../memory/engine.ts";
import type { Cell } from "../results/schema.ts";
import type { CellRecord, Store } from "../results/store.ts";
import { QUICK_TRACE, quickTrace } from "../trace/quick-trace.ts";
import { type Trace, windowOf } from "../trace/trace.ts";
import { runCell } from "./cell.ts";
import { machine } from "./machine.ts";
import type { Progress } from "./progress.ts";

/** What to run: functions x systems over one window of one function of a trace. */
export interface ExperimentPlan {
  name: string;
  functions: string[];
  systems: string[];
  plane: Plane;
  trace: string;
  /** Rank of the trace's function, 0 = busiest. */
  traceFunction: number;
  startIndex: number;
  windowS: number;
  timeScale: number;
  seed: number;
  /** Requests of the Init Pucket's window for all functions; undefined: each function's own. */
  initWindow?: number | undefined;
  /** Record which pages of a sandbox are local over time. */
  heatmap?: boolean;
}

export interface ExperimentResult {
  run: number;
  records: CellRecord[];
  /** What a user must know of this run: failures, differing answers, late arrivals. */
  problems: string[];
}

/** Start, warm-up and stop of a cell's node in real seconds, for the estimate of the time left. */
const OVERHEAD_S = 5;
/** Arrivals later than this do not follow the trace any more. */
const LATE_MS = 50;

/** Expected real seconds of a cell. */
export const cellSeconds = (plan: ExperimentPlan): number => plan.windowS / plan.timeScale + OVERHEAD_S;

/** The trace by its name. @throws FaasmemError UNKNOWN_TRACE */
export function traceOf(name: string, store: Store): Trace {
  return name === QUICK_TRACE ? quickTrace() : store.loadTrace(name);
}

/** The arrivals of the plan's window. @throws FaasmemError UNKNOWN_WINDOW */
export function arrivalsOf(plan: ExperimentPlan, trace: Trace): number[] {
  const fn = trace.functions[plan.traceFunction];
  const arrivals = fn ? windowOf(fn, plan.startIndex, plan.windowS) : [];
  if (arrivals.length > 0) return arrivals;
  throw new FaasmemError(
    "UNKNOWN_WINDOW",
    `trace ${trace.name} has no arrival ${plan.startIndex} of function ${plan.traceFunction}`,
    {
      fix: fn
        ? `choose --start-index below ${fn.arrivals.length}`
        : `choose --trace-function below ${trace.functions.length}`,
      kind: "usage",
    },
  );
}

/** Runs all cells, one after the other; a cell that fails does not lose the others. */
export async function runExperiment(
  plan: ExperimentPlan,
  store: Store,
  progress: Progress,
  signal: AbortSignal,
): Promise<ExperimentResult> {
  const trace = traceOf(plan.trace, store);
  const arrivals = arrivalsOf(plan, trace);
  const { seed, timeScale } = plan;
  const { version, commit } = buildInfo();
  const run = store.startRun({
    experiment: plan.name,
    seed,
    timeScale,
    trace: trace.name,
    config: plan,
    machine: machine(),
    version: `${version} (${commit})`,
  });
  const records: CellRecord[] = [];
  const problems: string[] = [];
  try {
    for (const fn of plan.functions) {
      for (const system of plan.systems) {
        signal.throwIfAborted();
        const label = `${fn} under ${system}`;
        progress.begin(label);
        const record = await tryCell(() => runCell({ ...plan, function: fn, system, arrivals, signal }));
        signal.throwIfAborted();
        progress.end(cellSeconds(plan), `${label}: ${record instanceof FaasmemError ? "failed" : "done"}`);
        if (record instanceof FaasmemError) {
          problems.push(`${label}: ${record.message} (${record.fix})`);
          continue;
        }
        store.saveCell(run, record);
        records.push(record);
      }
    }
    problems.push(...problemsOf(records.map((record) => record.cell)));
    store.finishRun(run, problems.length > 0 ? "failed" : "done");
    return { run, records, problems };
  } catch (error) {
    store.finishRun(run, signal.aborted ? "interrupted" : "failed");
    throw error;
  }
}

async function tryCell(run: () => Promise<CellRecord>): Promise<CellRecord | FaasmemError> {
  try {
    return await run();
  } catch (error) {
    return toFaasmemError(error);
  }
}

/** Failed requests, answers that differ between systems, arrivals that drifted. */
export function problemsOf(cells: readonly Cell[]): string[] {
  const problems: string[] = [];
  const answers = new Map<string, Cell>();
  for (const cell of cells) {
    const label = `${cell.function} under ${cell.system}`;
    if (cell.errors > 0) problems.push(`${label}: ${cell.errors} of ${cell.requests} requests failed`);
    if (cell.latenessP99Ms > LATE_MS) {
      problems.push(
        `${label}: arrivals drifted (P99 ${cell.latenessP99Ms.toFixed(0)} ms late): the machine was too busy`,
      );
    }
    const first = answers.get(cell.function) ?? cell;
    answers.set(cell.function, first);
    if (cell.errors === 0 && first.errors === 0 && cell.resultHash !== first.resultHash) {
      problems.push(`${label}: answers differ from those under ${first.system}`);
    }
  }
  return problems;
}
