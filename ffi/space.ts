import { type Pointer, ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import {
  type Barrier,
  DEAR_TOUCH_MS,
  type EvictResult,
  type Generations,
  type MemoryStats,
  type PageSet,
  type PortablePages,
  type Tracker,
} from "../src/memory/engine.ts";
import type { SandboxSpace } from "../src/sandbox/attachment.ts";
import type { EngineEvent } from "./events.ts";
import { fromPortable, type Mapping, mappingsOf, toPortable } from "./layout.ts";
import type { Library } from "./load.ts";
import { NativePageSet, native, rangesOf, setOfRanges } from "./page-set.ts";
import { statusError } from "./status.ts";

const PROCESS_GONE = -7;
const POOL_FULL = -6;
const NO_AGENT = -14;
const NO_TRACKER = -3;
/** FM_TOUCHED_READ, and with FM_TOUCHED_CLEAR */
const READ = 1;
const CLEAR = 2;
/** enum fm_warm_flag */
const WARM_FIRST = 1;
const WARM_LAST = 2;
const noStats: MemoryStats = {
  remotePages: 0,
  copyBytes: 0,
  recallFaults: 0,
  recalledPages: 0,
  evictedPages: 0,
  zeroFills: 0,
  unsentPages: 0,
  stallUs: 0,
};

/** Numbers of operations, unique in this process. */
let lastOperation = 0;

/** 0 means unlimited. */
const rateOf = (options?: { bytesPerSecond?: number }): bigint =>
  BigInt(Math.max(0, Math.floor(options?.bytesPerSecond ?? 0)));

function evicted(event: EngineEvent): EvictResult {
  const poolFull = event.status === POOL_FULL;
  if (event.status < 0 && event.status !== PROCESS_GONE && !poolFull)
    throw statusError(event.status, "eviction");
  return {
    evictedPages: event.a,
    zeroPages: event.b,
    cancelled: event.c === 1 || event.status < 0,
    poolFull,
  };
}

/**
 * A process that touches pages beside the program is a call of clone(2), which a program may have forbidden itself since it started,
 * on pain of its death (seccomp(2)).
 */
function isFilteredAsWeAre(pid: number): boolean {
  const filters = (of: number | "self") =>
    /^Seccomp_filters:\s+(\d+)$/m.exec(readFileSync(`/proc/${of}/status`, "utf8"))?.[1];
  try {
    return filters(pid) === filters("self");
  } catch {
    return false; // it has ended
  }
}

/** How the engine of a space knows what is touched, what clearing costs each page that is touched again, and what it can do about that. */
export interface Tracking {
  tracker: Tracker;
  lookMsPerPage: number;
  /** Is there somebody in the process who can touch its pages? Not on the swap plane. */
  hasAgent: boolean;
}

/** The memory of one sandbox process, as the engine manages it. */
export class Space implements SandboxSpace {
  readonly #library: Library;
  readonly #engine: Pointer;
  readonly #id: number;
  readonly pid: number;
  readonly #forget: () => void;
  readonly #tracking: () => Tracking;
  readonly #pending = new Map<number, (event: EngineEvent) => void>();
  readonly #lost: ((reason: string) => void)[] = [];
  #attached: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #open = true;
  #evictions = 0;

  constructor(
    library: Library,
    engine: Pointer,
    id: number,
    pid: number,
    forget: () => void,
    tracking: () => Tracking,
  ) {
    this.#library = library;
    this.#engine = engine;
    this.#id = id;
    this.pid = pid;
    this.#forget = forget;
    this.#tracking = tracking;
  }

  /** Resolves when the agent has said hello and the engine has taken over. */
  async attached(timeoutMs: number): Promise<this> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#attached = { resolve, reject };
        timer = setTimeout(() => {
          reject(statusError(NO_AGENT, `process ${this.pid}`));
        }, timeoutMs);
      });
      return this;
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#attached = undefined;
    }
  }

  /** An event of the engine for this space. */
  handle(event: EngineEvent): void {
    if (event.type === "attached") {
      if (event.status < 0) this.#attached?.reject(statusError(event.status, "attach"));
      else this.#attached?.resolve();
    } else if (event.type === "lost") {
      for (const handler of this.#lost) handler(statusError(event.status).message);
    } else {
      const settle = this.#pending.get(event.op);
      this.#pending.delete(event.op);
      settle?.(event);
    }
  }

  /** Starts an operation; `order` hands its number to the library. */
  #run(order: (operation: bigint) => number): Promise<EngineEvent> {
    const op = ++lastOperation;
    return new Promise((resolve) => {
      const status = this.#open ? order(BigInt(op)) : PROCESS_GONE;
      if (status < 0) {
        resolve({ type: "ended", space: this.#id, op, status, a: 0, b: 0, c: 0, set: null });
        return;
      }
      this.#pending.set(op, resolve);
    });
  }

  /** Sets of a process that has ended are empty: a policy needs no special case for it. */
  #set(event: EngineEvent): PageSet {
    if (event.set) return new NativePageSet(this.#library, event.set);
    if (event.status === PROCESS_GONE) return this.empty();
    throw statusError(event.status, "page set");
  }

  async snapshot(): Promise<PageSet> {
    return this.#set(await this.#run((op) => this.#library.fm_snapshot(this.#engine, this.#id, op)));
  }

  get tracks(): boolean {
    const { tracker } = this.#tracking();
    return tracker === "ebpf" || tracker === "idle";
  }

  get lookMsPerPage(): number {
    return this.#tracking().lookMsPerPage;
  }

  get generations(): Generations | null {
    if (this.#tracking().tracker !== "mglru") return null;
    return {
      age: () => this.#age(),
      count: (barrier) => this.#count(barrier),
      evict: (barrier, options) => this.#evictGenerations(barrier, options),
    };
  }

  async #age(): Promise<Barrier> {
    const event = await this.#run((op) => this.#library.fm_age(this.#engine, this.#id, op));
    if (event.status < 0 && event.status !== PROCESS_GONE) throw statusError(event.status, "time barrier");
    return { number: event.a, durationMs: event.b / 1000 };
  }

  async #count(barrier: Barrier): Promise<{ until: number; after: number }> {
    const event = await this.#run((op) => this.#library.fm_count(this.#engine, this.#id, barrier.number, op));
    if (event.status < 0 && event.status !== PROCESS_GONE) throw statusError(event.status, "generations");
    return { until: event.a, after: event.b };
  }

  #evictGenerations(barrier: Barrier, options?: { bytesPerSecond?: number }): Promise<EvictResult> {
    return this.#evict((op) =>
      this.#library.fm_evict_generations(this.#engine, this.#id, barrier.number, rateOf(options), op),
    );
  }

  range(start: number, pages: number): PageSet {
    return new NativePageSet(this.#library, this.#library.fm_set_range(BigInt(start), BigInt(pages)));
  }

  takeTouched(): Promise<PageSet> {
    return this.#touched(READ | CLEAR);
  }

  touched(): Promise<PageSet> {
    return this.#touched(READ);
  }

  async clearTouched(): Promise<void> {
    await this.#touched(CLEAR);
  }

  async #touched(flags: number): Promise<PageSet> {
    const event = await this.#run((op) => this.#library.fm_touched(this.#engine, this.#id, flags, op));
    return event.status === NO_TRACKER ? this.empty() : this.#set(event);
  }

  ranges(pages: PageSet): [number, number][] {
    return rangesOf(this.#library, pages);
  }

  empty(): PageSet {
    return new NativePageSet(this.#library, this.#library.fm_set_empty());
  }

  async takeRecalled(): Promise<PageSet> {
    return this.#set(await this.#run((op) => this.#library.fm_take_recalled(this.#engine, this.#id, op)));
  }

  async portable(pages: PageSet): Promise<PortablePages> {
    return toPortable(rangesOf(this.#library, pages), await this.#mappings());
  }

  async locate(pages: PortablePages): Promise<PageSet> {
    return setOfRanges(this.#library, fromPortable(pages, await this.#mappings()));
  }

  async #mappings(): Promise<Mapping[]> {
    try {
      return mappingsOf(await readFile(`/proc/${this.pid}/maps`, "utf8"));
    } catch {
      return []; // it has ended
    }
  }

  evict(pages: PageSet, options?: { bytesPerSecond?: number }): Promise<EvictResult> {
    return this.#evict((op) =>
      this.#library.fm_evict(this.#engine, this.#id, native(pages), rateOf(options), op),
    );
  }

  async #evict(order: (operation: bigint) => number): Promise<EvictResult> {
    this.#evictions++;
    try {
      return evicted(await this.#run(order));
    } finally {
      this.#evictions--;
    }
  }

  async prefetch(pages: PageSet): Promise<number> {
    const event = await this.#run((op) =>
      this.#library.fm_prefetch(this.#engine, this.#id, native(pages), op),
    );
    if (event.status < 0 && event.status !== PROCESS_GONE) throw statusError(event.status, "prefetch");
    return event.a;
  }

  warm(first: PageSet, rest: PageSet): void {
    if (!this.#open || !isFilteredAsWeAre(this.pid)) return;
    this.#library.fm_warm(this.#engine, this.#id, native(first), WARM_FIRST);
    this.#library.fm_warm(this.#engine, this.#id, native(rest), WARM_LAST);
  }

  get warms(): boolean {
    return this.#tracking().hasAgent && this.lookMsPerPage >= DEAR_TOUCH_MS;
  }

  async releaseFiles(): Promise<number> {
    const event = await this.#run((op) => this.#library.fm_release_files(this.#engine, this.#id, op));
    return event.status < 0 ? 0 : event.a;
  }

  /** Each request asks for it: without an eviction under way the pager need not wake up for that. */
  cancel(): void {
    if (this.#open && this.#evictions > 0) this.#library.fm_cancel(this.#engine, this.#id);
  }

  stats(): MemoryStats {
    const words = new BigUint64Array(8);
    if (!this.#open || this.#library.fm_space_stats(this.#engine, this.#id, ptr(words)) < 0) return noStats;
    const at = (index: number) => Number(words[index]!);
    return {
      remotePages: at(0),
      copyBytes: at(1),
      recallFaults: at(2),
      recalledPages: at(3),
      evictedPages: at(4),
      zeroFills: at(5),
      unsentPages: at(6),
      stallUs: at(7),
    };
  }

  onLost(handler: (reason: string) => void): void {
    this.#lost.push(handler);
  }

  close(): void {
    if (!this.#open) return;
    this.#library.fm_space_close(this.#engine, this.#id);
    this.abort();
  }

  /** The engine itself ends: nothing will be answered any more. */
  abort(): void {
    this.#open = false;
    for (const [op, settle] of this.#pending) {
      settle({ type: "ended", space: this.#id, op, status: PROCESS_GONE, a: 0, b: 0, c: 0, set: null });
    }
    this.#pending.clear();
    this.#forget();
  }
}
