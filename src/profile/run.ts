import { rmSync } from "node:fs";
import { z } from "zod";
import { openEngine } from "../../ffi/index.ts";
import { engineFiles } from "../assets.ts";
import { startChild } from "../base/child.ts";
import { runFolder } from "../base/paths.ts";
import { versionText } from "../base/version.ts";
import { machine } from "../experiment/machine.ts";
import type { Progress } from "../experiment/progress.ts";
import type { Store } from "../results/store.ts";
import { type FunctionProfile, profileFunction } from "./profile.ts";

const serverReady = z.object({ address: z.string() });
/** The engine wants a memory server; nothing is moved there. */
const SERVER_BYTES = "64MiB";

/** Profiles functions one after the other, each in a sandbox of its own, and stores the results. */
export async function runProfiles(
  names: readonly string[],
  options: { requests: number; seed: number },
  store: Store,
  progress: Progress,
  signal: AbortSignal,
): Promise<FunctionProfile[]> {
  const folder = runFolder();
  const server = await startChild(
    ["server", "--port", "0", "--capacity", SERVER_BYTES, "--ready-json"],
    (value) => serverReady.parse(value),
  );
  const [host, port] = server.ready.address.split(":") as [string, string];
  const profiles: FunctionProfile[] = [];
  try {
    const engine = openEngine({ pool: { host, port: Number(port) }, ...(await engineFiles()) });
    try {
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
    } finally {
      engine.close();
    }
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return profiles;
}
