import { contextsOf } from "../../benchmarks/index.ts";
import { versionText } from "../base/version.ts";
import { machine } from "../experiment/machine.ts";
import type { Reporter } from "../experiment/progress.ts";
import { withEngine } from "../node/with-engine.ts";
import type { Store } from "../results/store.ts";
import { measureLatency } from "./latency.ts";
import { Turn } from "./observe.ts";
import { type FunctionProfile, profileFunction } from "./profile.ts";

/**
 * Measures once more how long a function's requests take, and what a node adds, and stores it beside what was measured before.
 * @param name of a function whose profile is stored
 * @throws FaasmemError CHILD_START, the signal's reason
 */
export async function addLatency(
  name: string,
  seed: number,
  store: Store,
  signal: AbortSignal,
): Promise<void> {
  const { profile } = store.listProfiles().find((one) => one.profile.function === name)!;
  const model = profile.model!;
  const again = await measureLatency(name, contextsOf(name, seed), new Turn(signal));
  const whole = { ...profile, model: { ...model, latencies: [...model.latencies, again] } };
  store.saveProfile(whole, { machine: machine(), version: versionText() });
}

/**
 * Profiles functions one after the other, each in a sandbox of its own, and stores the results.
 * @param progress in functions
 */
export async function runProfiles(
  names: readonly string[],
  options: { requests: number; seed: number },
  store: Store,
  progress: Reporter,
  signal: AbortSignal,
): Promise<FunctionProfile[]> {
  const profiles: FunctionProfile[] = [];
  await withEngine(async (engine, folder) => {
    for (const name of names) {
      signal.throwIfAborted();
      progress.begin(name);
      const profile = await profileFunction(name, { engine, runFolder: folder, ...options, signal });
      store.saveProfile(profile, { machine: machine(), version: versionText() });
      profiles.push(profile);
      progress.end(1, `${name}: ${profile.durationMs.median.toFixed(1)} ms a request`);
    }
  });
  return profiles;
}
