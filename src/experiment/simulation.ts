import { versionText } from "../base/version.ts";
import { benchSeconds, runBench } from "../bench/bench.ts";
import { MODEL_VERSION } from "../profile/model.ts";
import { runProfiles } from "../profile/run.ts";
import type { Store } from "../results/store.ts";
import { simulatorInputs } from "../simulator/inputs.ts";
import { simulateCell } from "../simulator/simulate.ts";
import { runCell } from "./cell.ts";
import type { Progress } from "./progress.ts";
import type { CellRunner } from "./run.ts";

/** Requests that a profile observes, as `faasmem function profile` has it. */
const PROFILE_REQUESTS = 50;
const benchOptions = { idle: 0, allowSwap: false };
/** Real seconds of one function's profile: most of them are the pauses that it watches. */
const PROFILE_S = 175;

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
): Promise<CellRunner> {
  if (missing.bench) {
    const bench = await runBench(benchOptions, progress);
    signal.throwIfAborted();
    store.saveBench(bench, versionText());
  }
  await measureProfiles(missing.profiles, store, progress, signal);
  const inputs = simulatorInputs(store);
  return (plan) => simulateCell(plan, inputs);
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

/**
 * Really runs cells, each function's profile right before its first: a machine that does other work, too, gets faster and slower
 * within minutes.
 * @param since when the run began
 */
export function profilingRunner(
  since: Date,
  store: Store,
  progress: Progress,
  signal: AbortSignal,
): CellRunner {
  return async (plan) => {
    await measureProfiles(missingFor([plan.function], store, since).profiles, store, progress, signal);
    return runCell(plan);
  };
}
