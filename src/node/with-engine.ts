import { rmSync } from "node:fs";
import { z } from "zod";
import { openEngine } from "../../ffi/index.ts";
import { engineFiles } from "../assets.ts";
import { startChild } from "../base/child.ts";
import { runFolder } from "../base/paths.ts";
import type { MemoryEngine } from "../sandbox/attachment.ts";

const serverReady = z.object({ address: z.string() });

/**
 * Runs work on a memory engine with a memory server of its own and a private folder for sandboxes; takes all of it
 * down again, however the work ends.
 *
 * @param capacity of the memory server, as `--capacity` takes it
 * @throws FaasmemError NO_USERFAULTFD, KERNEL_TOO_OLD, CHILD_START, and what the work throws
 */
export async function withEngine<T>(
  work: (engine: MemoryEngine, runFolder: string) => Promise<T>,
  capacity = "1GiB",
): Promise<T> {
  const server = await startChild(
    ["server", "--port", "0", "--capacity", capacity, "--ready-json"],
    (value) => serverReady.parse(value),
  );
  const folder = runFolder();
  try {
    const [host, port] = server.ready.address.split(":") as [string, string];
    const engine = openEngine({ pool: { host, port: Number(port) }, ...(await engineFiles()) });
    try {
      return await work(engine, folder);
    } finally {
      engine.close();
    }
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
