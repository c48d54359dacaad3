/**
 * What a memory policy sees of the engine: page sets and orders for one sandbox. The real one is
 * `SandboxSpace` of ffi/index.ts; tests use a simulated one. Nothing here knows of HTTP or processes.
 */

/** An immutable set of 4 KiB pages of one sandbox's address space. */
export interface PageSet {
  /** Number of pages in the set. */
  readonly pages: number;
  union(other: PageSet): PageSet;
  subtract(other: PageSet): PageSet;
  intersect(other: PageSet): PageSet;
  /** The first `pages` pages by address (all of them when there are fewer). */
  first(pages: number): PageSet;
}

/** Pages by their place in mappings, so that another sandbox of the same function finds its own. */
export type PortablePages = {
  /** Name that this mapping has in every sandbox of the function. */
  mapping: string;
  /** Stretches: offset from the mapping's start and length, in pages. */
  runs: [offset: number, pages: number][];
}[];

/**
 * How touched pages are found: `ebpf` reads the accessed bits of the page tables (exact), `idle` the kernel's idle
 * page bitmap, `mglru` the kernel's generations (numbers of pages only), `refault` knows only what came back from the pool.
 */
export type Tracker = "ebpf" | "idle" | "mglru" | "refault";

/**
 * How pages leave: `uffd` to a memory server over userfaultfd, `swap` to whatever swap this machine has
 * (docs/concepts/planes.md).
 */
export type Plane = "uffd" | "swap";

/** Outcome of an eviction. Pages that could not be moved (busy, locked, gone, cancelled) stayed local. */
export interface EvictResult {
  /** Pages that left local memory. */
  evictedPages: number;
  /** Pages that were all zero: dropped without being sent. Part of `evictedPages`. */
  zeroPages: number;
  /** True when `cancel()` ended it early, or a pool that is full did. */
  cancelled: boolean;
  /** The pool had no room for the rest. */
  poolFull?: boolean;
}

/** Counters since the sandbox was attached, except `remotePages` and `copyBytes`, which are levels. */
export interface MemoryStats {
  /** Pages held by the pool now. */
  remotePages: number;
  /** Bytes of page copies the worker holds for this sandbox now (pages in transit). */
  copyBytes: number;
  /** Demand faults served from the pool. */
  recallFaults: number;
  /** Pages that came back from the pool, by faults and their windows, or by prefetch. */
  recalledPages: number;
  /** Pages that left to the pool. */
  evictedPages: number;
  /** Faults on never-stored pages that were filled with zeros. */
  zeroFills: number;
  /** Of `evictedPages`: had come back, were not changed since, and so were not sent again. */
  unsentPages: number;
  /** Time that faulting threads waited for pages from the pool, summed, in microseconds. */
  stallUs: number;
}

/** A time barrier: an aging step of the kernel's multi-generational LRU. */
export interface Barrier {
  readonly number: number;
  /** How long the step took, in milliseconds. */
  readonly durationMs: number;
}

/**
 * The sandbox's memory by the kernel's generations (docs/concepts/hotness.md). What is touched after a barrier moves to later
 * generations, as of the next barrier. The kernel keeps four generations: older barriers fall together.
 */
export interface Generations {
  /** Closes the generations so far. @throws FaasmemError NO_CGROUP, KERNEL_TOO_OLD */
  age(): Promise<Barrier>;
  /** Pages of anonymous memory in the generations up to the barrier, and after it. */
  count(barrier: Barrier): Promise<{ until: number; after: number }>;
  /** Has the kernel evict the generations up to the barrier. It refuses while there are not two barriers after it. */
  evict(barrier: Barrier, options?: { bytesPerSecond?: number }): Promise<EvictResult>;
}

/** First touches that cost at least so many milliseconds are worth another processor's time: ten times what they cost without a hypervisor. */
export const DEAR_TOUCH_MS = 0.002;

/** The memory of one sandbox, as a policy may use it. Every method is safe after the sandbox has died. */
export interface SandboxMemory {
  /** Null unless the swap plane runs with the tracker `mglru`. */
  readonly generations: Generations | null;
  /** Does the engine know what is touched? If not, `takeTouched` is always empty. */
  readonly tracks: boolean;
  /**
   * What clearing costs the program for each page that it touches again, in milliseconds, on this machine: from 0.0002
   * where the processor sets accessed bits to 0.005 where a hypervisor does.
   */
  readonly lookMsPerPage: number;
  /** The `pages` pages from page number `start` on, whatever is there. */
  range(start: number, pages: number): PageSet;
  /** Pages resident now in private anonymous memory that the engine manages. */
  snapshot(): Promise<PageSet>;
  /** An empty set. */
  empty(): PageSet;
  /** Pages that came back from the pool since the last call (what the `refault` tracker calls hot). */
  takeRecalled(): Promise<PageSet>;
  /**
   * Pages touched since the last call, or since they were last cleared; then clears. A page that was just brought
   * back counts as touched. Empty when the engine has no tracker.
   */
  takeTouched(): Promise<PageSet>;
  /** The same without clearing. */
  touched(): Promise<PageSet>;
  /** Clears without reading. */
  clearTouched(): Promise<void>;
  /** Pages in a form that outlives the sandbox. */
  portable(pages: PageSet): Promise<PortablePages>;
  /** What those of another sandbox of the same function are in this one; mappings that it does not have are left out. */
  locate(pages: PortablePages): Promise<PageSet>;
  /** Moves pages to the pool, at most `bytesPerSecond` (default: unlimited). One eviction at a time. */
  evict(pages: PageSet, options?: { bytesPerSecond?: number }): Promise<EvictResult>;
  /** Brings pages back in bulk. Resolves with the number of pages that came back. */
  prefetch(pages: PageSet): Promise<number>;
  /**
   * Has the process touch pages of the executable that requests used before `releaseFiles` gave them back, and those of the pages that are
   * here, in the background and at the lowest priority, so that the next request is not the first to do it (at most
   * 2048 stretches; what comes before an earlier call is done is ignored).
   */
  warm(first: PageSet, rest: PageSet): void;
  /**
   * Is that worth it on this machine? Where a hypervisor keeps the processor's page tables it learns of each page that came back at its first
   * touch, as it does of those whose accessed bit was cleared, and at the same cost (`lookMsPerPage`).
   */
  readonly warms: boolean;
  /**
   * Has the kernel drop clean pages of files (libraries) that no other process maps; it reads them from the file when they are
   * touched again. Pages of the runtime's executable, which the worker runs too, leave this process, soon, and stay in the kernel's
   * cache as long as it does not need the room. Resolves with the number of pages; 0 where the kernel does not allow it.
   */
  releaseFiles(): Promise<number>;
  /** Ends a running eviction at once; what already left stays away. */
  cancel(): void;
  stats(): MemoryStats;
}
