import { type Pointer, ptr } from "bun:ffi";
import { cString, loadLibrary } from "./load.ts";
import { statusError } from "./status.ts";

/** Level and counters of a memory server (struct fm_server_stats). */
export interface ServerStats {
  capacityBytes: number;
  usedBytes: number;
  sessions: number;
  connections: number;
  pagesWritten: number;
  pagesRead: number;
}

/** A running memory server. */
export interface MemoryServer {
  readonly port: number;
  stats(): ServerStats;
  close(): void;
}

/**
 * Starts the data plane of a memory server on threads of this process.
 *
 * @param options.host numeric address to listen on
 * @param options.port 0 = any free port
 * @param options.capacityBytes most bytes of pages held over all clients
 * @throws FaasmemError PORT_IN_USE, BAD_ARGUMENT, ...
 */
export function openServer(options: {
  host: string;
  port: number;
  capacityBytes: number;
  library: Uint8Array;
}): MemoryServer {
  const library = loadLibrary(options.library);
  const status = new Int32Array(1);
  const host = cString(options.host);
  const opened = library.fm_server_open(ptr(host), options.port, BigInt(options.capacityBytes), ptr(status));
  if (!opened) throw statusError(status[0]!, `listen on ${options.host}:${options.port}`);
  const server = opened as Pointer;
  return {
    port: library.fm_server_port(server),
    stats: () => {
      const words = new BigUint64Array(6);
      library.fm_server_stats(server, ptr(words));
      const at = (index: number) => Number(words[index]!);
      return {
        capacityBytes: at(0),
        usedBytes: at(1),
        sessions: at(2),
        connections: at(3),
        pagesWritten: at(4),
        pagesRead: at(5),
      };
    },
    close: () => library.fm_server_close(server),
  };
}
