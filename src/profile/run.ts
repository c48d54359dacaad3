import { versionText } from "../base/version.ts";
import { machine } from "../experiment/machine.ts";
import type { Reporter } from "../experiment/progress.ts";
import { withEngine } from "../node/with-engine.ts";
import type { Store } from "../results/store.ts";
import { type FunctionProfile, profileFunction } from "./profile.ts";

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
      const profile = await profileFunction(name, { engine, runFolder: folder, ...options }, () =>
        signal.throwIfAborted(),
      );
      store.saveProfile(profile, { machine: machine(), version: versionText() });
      profiles.push(profile);
      progress.end(1, `${name}: ${profile.durationMs.median.toFixed(1)} ms a request`);
    }
  });
  return profiles;
}
