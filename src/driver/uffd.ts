import { openEngine } from "../../ffi/index.ts";
import { engineFiles } from "../assets.ts";

/**
 * Connects to a memory server as a node does, and closes the connection again.
 * @throws FaasmemError NO_MEMORY_SERVER, BAD_POOL_DATA, NO_USERFAULTFD, KERNEL_TOO_OLD
 */
export async function checkServer(pool: { host: string; port: number }): Promise<{ connectMs: number }> {
  const files = await engineFiles();
  const started = performance.now();
  const engine = openEngine({ pool, ...files });
  const connectMs = performance.now() - started;
  engine.close();
  return { connectMs };
}
