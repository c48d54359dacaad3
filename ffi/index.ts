import { type Pointer, ptr } from "bun:ffi";
import { closeSync } from "node:fs";
import { FaasmemError } from "../src/base/errors.ts";
import type { Plane, Tracker } from "../src/memory/engine.ts";
import type { Attachment, MemoryEngine, SandboxSpace } from "../src/sandbox/attachment.ts";
import { readEvents } from "./events.ts";
import { cString, type Library, loadLibrary, sealedFile } from "./load.ts";
import { Space } from "./space.ts";
import { statusError } from "./status.ts";

export { statusError } from "./status.ts";

/** Descriptors that a sandbox process gets for its agent: the socket and the agent's library. */
const CHILD_SOCKET_FD = 3;
const CHILD_LIBRARY_FD = 4;

/** By the numbers of enum fm_tracker_kind. */
const trackers: readonly (Tracker | "auto")[] = ["auto", "refault", "ebpf", "idle", "mglru"];

/** What the engine needs to start. */
export interface EngineOptions {
  /** Address of the memory server, or the size of a store in this process, which saves no memory: for measuring. */
  pool: { host: string; port: number } | { localBytes: number };
  /** Contents of libfaasmem.so, libfaasmem_agent.so and agent.blob. */
  library: Uint8Array;
  agent: Uint8Array;
  agentCode: Uint8Array;
}

/**
 * Connects to a memory server and starts the memory engine of this process.
 *
 * @throws FaasmemError NO_USERFAULTFD, KERNEL_TOO_OLD, NO_MEMORY_SERVER, ...
 */
export function openEngine(options: EngineOptions): MemoryEngine {
  const library = loadLibrary(options.library);
  const status = new Int32Array(1);
  const { pool } = options;
  const engine =
    "localBytes" in pool
      ? library.fm_engine_open_local(BigInt(pool.localBytes), ptr(status))
      : library.fm_engine_open(ptr(cString(pool.host)), pool.port, ptr(status));
  if (!engine)
    throw statusError(status[0]!, "localBytes" in pool ? "store" : `memory server ${pool.host}:${pool.port}`);
  library.fm_engine_set_agent(engine, ptr(options.agentCode), BigInt(options.agentCode.length));
  let agentFd: number;
  try {
    agentFd = sealedFile("faasmem-agent", options.agent);
  } catch (error) {
    library.fm_engine_close(engine);
    throw error;
  }
  return new Engine("uffd", library, engine as Pointer, agentFd);
}

const KERNEL_TOO_OLD = -3;
/** Of each page, where the processor sets accessed bits by itself: measured with 87,000 pages and 19 ms. */
const ASSUMED_LOOK_MS = 0.00022;

/**
 * Starts an engine of the swap plane.
 * @param library contents of libfaasmem.so
 * @throws FaasmemError NO_SWAP, NOT_PERMITTED, KERNEL_TOO_OLD
 */
export function openSwapEngine(library: Uint8Array): MemoryEngine {
  const loaded = loadLibrary(library);
  const status = new Int32Array(1);
  const engine = loaded.fm_engine_open_swap(ptr(status));
  if (engine) return new Engine("swap", loaded, engine as Pointer, -1);
  if (status[0] !== KERNEL_TOO_OLD) throw statusError(status[0]!);
  throw new FaasmemError("KERNEL_TOO_OLD", "the kernel cannot page out another process's memory", {
    fix: "use Linux 5.10 or newer (process_madvise); --system baseline works on any",
  });
}

const needs: Record<string, string> = {
  ebpf: "it needs BTF, Linux 6.2, and a kernel that is not locked down",
  idle: "it needs CONFIG_IDLE_PAGE_TRACKING",
  mglru:
    "it needs Linux 6.1 with CONFIG_LRU_GEN, switched on (echo 7 > /sys/kernel/mm/lru_gen/enabled), and debugfs",
};

function noTracker(tracker: string): FaasmemError {
  return new FaasmemError("KERNEL_TOO_OLD", `this kernel has no tracker ${tracker}`, {
    fix: `${needs[tracker]}; --tracker auto takes what there is`,
  });
}

/** An agent has said hello or was injected by then, or never will. */
const ATTACH_TIMEOUT_MS = 10_000;

class Engine implements MemoryEngine {
  readonly plane: Plane;
  readonly #library: Library;
  readonly #engine: Pointer;
  /** -1 on the swap plane: no agent. */
  readonly #agentFd: number;
  readonly #spaces = new Map<number, Space>();
  readonly #poolLost: (() => void)[] = [];
  readonly #stopEvents: () => void;
  #closed = false;
  #tracker: Tracker = "refault";
  /** Measured when the first tracker that looks at accessed bits is chosen. */
  #lookMsPerPage: number | null = null;

  constructor(plane: Plane, library: Library, engine: Pointer, agentFd: number) {
    this.plane = plane;
    this.#library = library;
    this.#engine = engine;
    this.#agentFd = agentFd;
    this.#stopEvents = readEvents(library.fm_engine_event_fd(engine), (event) => {
      if (event.type === "pool-lost") for (const handler of this.#poolLost) handler();
      else this.#spaces.get(event.space)?.handle(event);
    });
  }

  get poolAlive(): boolean {
    return !this.#closed && this.#library.fm_engine_pool_alive(this.#engine) === 1;
  }

  onPoolLost(handler: () => void): void {
    this.#poolLost.push(handler);
  }

  useTracker(tracker: Tracker | "auto"): Tracker {
    const status = this.#library.fm_engine_use_tracker(this.#engine, trackers.indexOf(tracker));
    if (status === KERNEL_TOO_OLD) throw noTracker(tracker);
    if (status < 0) throw statusError(status, `tracker ${tracker}`);
    this.#tracker = trackers[status] as Tracker;
    if (this.#tracker === "ebpf" || this.#tracker === "idle") this.#lookMsPerPage ??= this.#measureLook();
    return this.#tracker;
  }

  #measureLook(): number {
    const nanoseconds = new BigUint64Array(1);
    const status = this.#library.fm_look_cost(ptr(nanoseconds));
    return status < 0 ? ASSUMED_LOOK_MS : Number(nanoseconds[0]!) / 1e6; // no room for a child: no reason to stop
  }

  get tracker(): Tracker {
    return this.#tracker;
  }

  setFaultAround(pages: number): void {
    const status = this.#library.fm_engine_set_fault_around(this.#engine, pages);
    if (status < 0) throw statusError(status, `fault-around of ${pages} pages`);
  }

  prepare(): Attachment {
    if (this.plane === "swap") {
      return { childFds: [], env: {}, attach: (pid) => this.#attach(-1, pid), abandon: () => {} };
    }
    const pair = new Int32Array(2);
    const status = this.#library.fm_agent_pair(ptr(pair));
    if (status < 0) throw statusError(status, "agent socket");
    const [ours, childs] = [pair[0]!, pair[1]!];
    return {
      childFds: [childs, this.#agentFd],
      env: {
        LD_PRELOAD: `/proc/self/fd/${CHILD_LIBRARY_FD}`,
        FAASMEM_AGENT_FD: String(CHILD_SOCKET_FD),
      },
      attach: (pid) => {
        closeSync(childs);
        return this.#attach(ours, pid);
      },
      abandon: () => {
        closeSync(ours);
        closeSync(childs);
      },
    };
  }

  attachRunning(pid: number): Promise<SandboxSpace> {
    return this.#attach(-1, pid);
  }

  #attach(socket: number, pid: number): Promise<SandboxSpace> {
    const id = this.#library.fm_attach(this.#engine, socket, pid);
    if (id < 0) return Promise.reject(statusError(id, `process ${pid}`));
    const space = new Space(
      this.#library,
      this.#engine,
      id,
      pid,
      () => this.#spaces.delete(id),
      () => ({
        tracker: this.#tracker,
        lookMsPerPage: this.#lookMsPerPage ?? 0,
        hasAgent: this.#agentFd >= 0,
      }),
    );
    this.#spaces.set(id, space);
    return space.attached(ATTACH_TIMEOUT_MS);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopEvents();
    for (const space of [...this.#spaces.values()]) space.abort();
    this.#library.fm_engine_close(this.#engine);
    if (this.#agentFd >= 0) closeSync(this.#agentFd);
  }
}
