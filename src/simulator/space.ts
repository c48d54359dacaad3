import { PAGE_BYTES } from "../base/units.ts";
import {
  DEAR_TOUCH_MS,
  type EvictResult,
  type MemoryStats,
  type PageSet,
  type PortablePages,
} from "../memory/engine.ts";
import { none, PageRuns, pageRange } from "../memory/page-runs.ts";
import type { SandboxSpace } from "../sandbox/attachment.ts";
import type { VirtualClock } from "./clock.ts";
import type { Cores } from "./cores.ts";
import type { Costs } from "./costs.ts";

/** Is told of each change of what is local and remote, in pages. */
export type OnChange = (local: number, remote: number) => void;

/** A prefetch that was ordered. */
interface Prefetch {
  pages: PageRuns;
  startedMs: number;
  resolve: (pages: number) => void;
}

/** The memory of a simulated sandbox, as policies see it: what the program holds is told by its life. */
export class SimulatedSpace implements SandboxSpace {
  readonly pid = 0;
  readonly tracks = true;
  readonly lookMsPerPage: number;
  /** Pages are known one by one here: nothing goes by generations. */
  readonly generations = null;
  readonly #clock: VirtualClock;
  readonly #cores: Cores;
  readonly #costs: Costs;
  readonly #onChange: OnChange;
  readonly #onRelease: () => void;
  /** Everything that the program holds, here or away. */
  #program: PageRuns = none;
  #remote: PageRuns = none;
  /**
   * The same sets come again and again: those that have no page away, and programs that hold all that is away. True until
   * more leaves.
   */
  #known = { here: new Set<PageRuns>(), kept: new Set<PageRuns>() };
  #touched = new Set<PageRuns>();
  #recalled: PageRuns = none;
  /** Came back in bulk, and nobody has touched them yet. */
  #fresh: PageRuns = none;
  #looked = false;
  /** Ends the eviction that is under way. */
  #cancelEviction = () => {};
  #prefetch: Prefetch | null = null;
  #closed = false;
  readonly #stats: MemoryStats = {
    remotePages: 0,
    copyBytes: 0,
    recallFaults: 0,
    recalledPages: 0,
    evictedPages: 0,
    zeroFills: 0,
    unsentPages: 0,
    stallUs: 0,
  };

  constructor(clock: VirtualClock, cores: Cores, costs: Costs, onChange: OnChange, onRelease: () => void) {
    this.#clock = clock;
    this.#cores = cores;
    this.#costs = costs;
    this.lookMsPerPage = costs.lookPageMs;
    this.#onChange = onChange;
    this.#onRelease = onRelease;
  }

  get remote(): PageRuns {
    return this.#remote;
  }

  /** Those of these pages that are away. */
  missing(pages: PageRuns): PageRuns {
    if (this.#remote.pages === 0 || this.#known.here.has(pages)) return none;
    const missing = pages.intersect(this.#remote);
    if (missing.pages === 0) this.#known.here.add(pages);
    return missing;
  }

  /** Have accessed bits been cleared since the last call? */
  takeLooked(): boolean {
    const looked = this.#looked;
    this.#looked = false;
    return looked;
  }

  /** The program holds these pages now; what it gave back is gone wherever it was. */
  hold(program: PageRuns): void {
    const isKnown = this.#remote.pages === 0 || this.#known.kept.has(program);
    this.#set(program, isKnown ? this.#remote : this.#remote.intersect(program));
    this.#known.kept.add(program);
  }

  /** The program touches pages; those that are away have come back (`recall`). */
  touch(pages: PageRuns): void {
    this.#touched.add(pages);
  }

  /** Pages come back. @param faults that waited for them, `stallMs` together */
  recall(pages: PageRuns, faults: number, stallMs: number): void {
    const back = pages.intersect(this.#remote);
    this.#stats.recallFaults += faults;
    this.#stats.stallUs += stallMs * 1000;
    this.#stats.recalledPages += back.pages;
    this.#recalled = this.#recalled.union(back);
    this.#touched.add(back);
    this.#set(this.#program, this.#remote.subtract(back));
  }

  /** Pages came back in bulk. */
  recallInBulk(pages: PageRuns): void {
    this.#fresh = this.#fresh.union(pages.intersect(this.#remote));
    this.recall(pages, 0, 0);
  }

  /** How many of these pages came back in bulk and are touched for the first time now. */
  takeFresh(touched: PageRuns): number {
    if (this.#fresh.pages === 0) return 0;
    const before = this.#fresh.pages;
    this.#fresh = this.#fresh.subtract(touched).intersect(this.#program).subtract(this.#remote);
    return before - this.#fresh.pages;
  }

  /** The prefetch that was ordered, if a request takes it over: it says when it ends. */
  takePrefetch(): { pages: PageRuns; end: () => void } | null {
    const prefetch = this.#prefetch;
    this.#prefetch = null;
    if (!prefetch) return null;
    const pages = prefetch.pages.intersect(this.#remote);
    return { pages, end: () => prefetch.resolve(pages.pages) };
  }

  #set(program: PageRuns, remote: PageRuns): void {
    const local = program.pages - remote.pages - (this.#program.pages - this.#remote.pages);
    const away = remote.pages - this.#remote.pages;
    this.#program = program;
    this.#remote = remote;
    this.#stats.remotePages = remote.pages;
    if (local !== 0 || away !== 0) this.#onChange(local, away);
  }

  snapshot = async (): Promise<PageRuns> => this.#program.subtract(this.#remote);

  range = (start: number, pages: number): PageRuns => pageRange(start, pages);

  empty = (): PageRuns => none;

  ranges(pages: PageSet): [number, number][] {
    const { runs } = pages as PageRuns;
    return Array.from({ length: runs.length / 2 }, (_, i) => [runs[2 * i]!, runs[2 * i + 1]!]);
  }

  takeRecalled = async (): Promise<PageRuns> => {
    const recalled = this.#recalled;
    this.#recalled = none;
    return recalled;
  };

  takeTouched = async (): Promise<PageRuns> => {
    const touched = await this.touched();
    await this.clearTouched();
    return touched;
  };

  clearTouched = async (): Promise<void> => {
    this.#touched = new Set();
    this.#looked = true;
  };

  touched = async (): Promise<PageRuns> => {
    let all: PageRuns = none;
    for (const pages of this.#touched) all = all.union(pages);
    this.#touched = new Set(all.pages > 0 ? [all] : []);
    return all.intersect(this.#program).subtract(this.#remote);
  };

  /** All simulated sandboxes of a function have their pages at the same numbers. */
  portable = async (pages: PageSet): Promise<PortablePages> => [
    {
      mapping: "all",
      runs: this.ranges(pages).map(([start, end]): [number, number] => [start, end - start]),
    },
  ];

  locate = async (pages: PortablePages): Promise<PageRuns> =>
    new PageRuns(
      Int32Array.from(pages.flatMap(({ runs }) => runs.flatMap(([start, count]) => [start, start + count]))),
    );

  evict(pages: PageSet, options?: { bytesPerSecond?: number }): Promise<EvictResult> {
    const leaving = (pages as PageRuns).intersect(this.#program).subtract(this.#remote);
    const slowest = options?.bytesPerSecond ? (PAGE_BYTES / options.bytesPerSecond) * 1000 : 0;
    const msPerPage = Math.max(this.#costs.evictPageMs, slowest);
    if (this.#closed) return Promise.resolve({ evictedPages: 0, zeroPages: 0, cancelled: true });
    return new Promise((resolve) => {
      const end = (share: number, cancelled: boolean) => {
        this.#cancelEviction = () => {};
        const evicted = leaving.first(Math.round(leaving.pages * share)).intersect(this.#program);
        this.#stats.evictedPages += evicted.pages;
        if (evicted.pages > 0) this.#known = { here: new Set(), kept: new Set() };
        this.#set(this.#program, this.#remote.union(evicted));
        resolve({ evictedPages: evicted.pages, zeroPages: 0, cancelled });
      };
      // All evictions go through the same threads, which keep all cores busy at full speed.
      const weight = (this.#cores.count * this.#costs.evictPageMs) / msPerPage;
      const stop = this.#cores.start(leaving.pages * msPerPage, weight, () => end(1, false));
      this.#cancelEviction = () => end(stop(), true);
    });
  }

  prefetch(pages: PageSet): Promise<number> {
    if (this.#closed) return Promise.resolve(0);
    return new Promise((resolve) => {
      const prefetch: Prefetch = { pages: pages as PageRuns, startedMs: this.#clock.realMs(), resolve };
      this.#prefetch = prefetch;
      this.#clock.afterMs(0, () => {
        if (this.#prefetch !== prefetch) return; // the request that runs took it over
        const alone = this.takePrefetch()!;
        this.#clock.afterMs(alone.pages.pages * this.#costs.restorePageMs, () => {
          this.recallInBulk(alone.pages);
          alone.end();
        });
      });
    });
  }

  get warms(): boolean {
    return this.lookMsPerPage >= DEAR_TOUCH_MS;
  }

  warm(first: PageSet, rest: PageSet): void {
    this.#fresh = this.#fresh.subtract(first as PageRuns).subtract(rest as PageRuns);
  }

  /** Files are no pages here: the node knows how much they are. */
  async releaseFiles(): Promise<number> {
    if (!this.#closed) this.#onRelease();
    return 0;
  }

  cancel(): void {
    this.#cancelEviction();
  }

  stats(): MemoryStats {
    return { ...this.#stats };
  }

  onLost(): void {}

  close(): void {
    if (this.#closed) return;
    this.cancel();
    this.#prefetch?.resolve(0);
    this.#closed = true;
    this.#set(none, none);
  }
}
