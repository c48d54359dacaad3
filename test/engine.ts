import { openEngine } from "../ffi/index.ts";
import { type MemoryServer, openServer } from "../ffi/server.ts";
import { engineFiles } from "../src/assets.ts";
import type { MemoryEngine } from "../src/sandbox/attachment.ts";

/** A memory server in this process, and an engine connected to it. */
export async function startEngine(
  capacityBytes = 2 ** 31,
): Promise<{ server: MemoryServer; engine: MemoryEngine }> {
  const files = await engineFiles();
  const server = openServer({ host: "127.0.0.1", port: 0, capacityBytes, library: files.library });
  const engine = openEngine({ pool: { host: "127.0.0.1", port: server.port }, ...files });
  return { server, engine };
}
