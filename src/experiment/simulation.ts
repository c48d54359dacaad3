import { versionText } from "../base/version.ts";
import { benchSeconds, runBench } from "../bench/bench.ts";
import { MODEL_VERSION } from "../profile/model.ts";
import { addLatency, runProfiles } from "../profile/run.ts";
import type { CellRecord, Store } from "../results/store.ts";
import { simulatorInputs } from "../simulator/inputs.ts";
import { simulateCell } from "../simulator/simulate.ts";
import { runCell } from "./cell.ts";
import type { CellPlan, ExperimentPlan } from "./plan.ts";
import type { Progress } from "./progress.ts";
import type { CellRunner } from "./run.ts";

/** Requests that a profile observes, as `faasmem function profile` has it. */
const PROFILE_REQUESTS = 50;
const benchOptions = { idle: 0, allowSwap: false };
/** Real seconds of one function's profile: most of them are the pauses that it watches. */
const PROFILE_S = 175;
/** And of its requests' durations alone. */
const LATENCY_S = 110;

/** What this machine was not measured for yet, though a simulation of these functions needs it. */
export interface Missing {
  bench: boolean;
  profiles: string[];
}

/** @param since profiles of before that count as missing */
export function missingFor(functions: readonly string[], store: Store, since = new Date(0)): Missing {
  const known = new Set(
    store
      .listProfiles()
      .filter(({ profile, measuredAt }) => profile.model?.version === MODEL_VERSION && measuredAt >= since)
      .map(({ profile }) => profile.function),
  );
  return { bench: store.loadBench() === null, profiles: functions.filter((name) => !known.has(name)) };
}

export const missingSeconds = (missing: Missing): number =>
  (missing.bench ? benchSeconds(benchOptions) : 0) + missing.profiles.length * PROFILE_S;

/**
 * Makes simulated cells; measures what is missing for that first, on this machine.
 * @throws FaasmemError what bench and profiles throw
 */
export async function simulator(
  missing: Missing,
  store: Store,
  progress: Progress,
  signal: AbortSignal,
): Promise<(plan: CellPlan, luck?: number) => Promise<CellRecord>> {
  if (missing.bench) {
    const bench = await runBench(benchOptions, progress);
    signal.throwIfAborted();
    store.saveBench(bench, versionText());
  }
  await measureProfiles(missing.profiles, store, progress, signal);
  const inputs = simulatorInputs(store);
  return (plan, luck) => simulateCell(plan, inputs, luck);
}

async function measureProfiles(
  functions: readonly string[],
  store: Store,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  if (functions.length === 0) return;
  const options = { requests: PROFILE_REQUESTS, seed: 1 };
  await runProfiles(functions, options, store, progress.scaled(PROFILE_S), signal);
}

/** Real seconds of what `profilingRunner` measures of each function before further repeats. */
export const repeatSeconds = ({
  functions,
  repeats,
}: Pick<ExperimentPlan, "functions" | "repeats">): number => functions.length * (repeats - 1) * LATENCY_S;

const timesMeasured = (name: string, store: Store): number =>
  store.listProfiles().find(({ profile }) => profile.function === name)?.profile.model?.latencies.length ?? 0;

/**
 * Really runs cells, each function's profile right before its first, and before each further repeat how long its requests take, once more:
 * a machine that does other work, too, gets faster and slower within minutes.
 * @param since when the run began
 * @param work what measures; default: really
 */
export function profilingRunner(
  since: Date,
  store: Store,
  progress: Progress,
  signal: AbortSignal,
  work = { profiles: measureProfiles, latency: addLatency, cell: runCell },
): CellRunner {
  return async (plan) => {
    const { function: name, repeat } = plan;
    const { profiles } = missingFor([name], store, since);
    if (profiles.length > 0) await work.profiles(profiles, store, progress, signal);
    if (timesMeasured(name, store) <= repeat) {
      progress.begin(`${name}: durations again`);
      await work.latency(name, repeat + 1, store, signal);
      progress.end(LATENCY_S, `${name}: durations again`);
    }
    return work.cell(plan);
  };
}
