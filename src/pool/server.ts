import { openServer, type ServerStats } from "../../ffi/server.ts";
import { assets } from "../assets.ts";
import { FaasmemError } from "../base/errors.ts";

/** Options of a memory server. */
export interface MemoryServerOptions {
  host: string;
  port: number;
  capacityBytes: number;
}

/** A running memory server. */
export interface RunningServer {
  address: string;
  stats(): ServerStats;
  close(): void;
}

/**
 * Refuses addresses that other machines could reach: nothing authenticates clients yet.
 * @throws FaasmemError NOT_LOOPBACK
 */
export function assertLoopback(host: string): void {
  if (/^127\.\d+\.\d+\.\d+$/.test(host) || host === "::1") return;
  throw new FaasmemError("NOT_LOOPBACK", `${host} is not a loopback address`, {
    fix: "listen on 127.0.0.1: clients are not authenticated yet, so other machines must not reach it",
    kind: "usage",
  });
}

/**
 * Starts the memory pool of this node.
 * @throws FaasmemError NOT_LOOPBACK, PORT_IN_USE, BAD_ARGUMENT
 */
export async function startMemoryServer(options: MemoryServerOptions): Promise<RunningServer> {
  assertLoopback(options.host);
  const library = await Bun.file(assets.library).bytes();
  const server = openServer({ ...options, library });
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return { address: `${host}:${server.port}`, stats: () => server.stats(), close: () => server.close() };
}
