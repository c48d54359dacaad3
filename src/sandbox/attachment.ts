import type { PageSet, Plane, SandboxMemory, Tracker } from "../memory/engine.ts";

/** What a sandbox process needs from the memory engine before it is spawned. One for each process. */
export interface Attachment {
  /** Descriptors that the child must get as fd 3 and the following; none on the swap plane. */
  readonly childFds: readonly number[];
  /** Environment that the child needs (preload agent). */
  readonly env: Record<string, string>;
  /** After the spawn: waits for the agent's hello (at most 5 s) and starts the management. */
  attach(pid: number): Promise<SandboxSpace>;
  /** Gives up before `attach`. */
  abandon(): void;
}

/** The memory of a running sandbox process. */
export interface SandboxSpace extends SandboxMemory {
  /** The process. */
  readonly pid: number;
  /** The runs of a set as page numbers, [start, end), ascending. */
  ranges(pages: PageSet): [number, number][];
  /** Its pages could not be brought back; the engine has killed the process. */
  onLost(handler: (reason: string) => void): void;
  /** After the process ended. */
  close(): void;
}

/** The memory engine, as the worker sees it (ffi/index.ts is the real one). */
export interface MemoryEngine {
  readonly plane: Plane;
  prepare(): Attachment;
  /**
   * Takes over a process that runs already. On the plane `uffd` one of its threads is stopped for about a millisecond,
   * and a system call that it waits in may end early with EINTR.
   * @throws FaasmemError PROCESS_GONE, NOT_PERMITTED, KERNEL_TOO_OLD
   */
  attachRunning(pid: number): Promise<SandboxSpace>;
  /** The hotness tracker in use. */
  readonly tracker: Tracker;
  /**
   * Chooses the hotness tracker. Looks into the kernel: some 50 ms.
   * @returns the one in use now
   * @throws FaasmemError KERNEL_TOO_OLD, NOT_PERMITTED: this machine does not have it; NOT_ON_THIS_PLANE
   */
  useTracker(tracker: Tracker | "auto"): Tracker;
  /**
   * Pages brought back around a demand fault: a power of two from 1 to 256 (default 64).
   * @throws FaasmemError NOT_ON_THIS_PLANE
   */
  setFaultAround(pages: number): void;
  close(): void;
  /** False once the memory server is gone, or the last swap is off. */
  readonly poolAlive: boolean;
  onPoolLost(handler: () => void): void;
}
