import type {
  Barrier,
  EvictResult,
  Generations,
  MemoryStats,
  PageSet,
  PortablePages,
  SandboxMemory,
} from "./engine.ts";

/** A page set over plain numbers. */
export class SimulatedSet implements PageSet {
  readonly numbers: ReadonlySet<number>;
  constructor(numbers: Iterable<number>) {
    this.numbers = new Set(numbers);
  }
  get pages(): number {
    return this.numbers.size;
  }
  union(other: PageSet): SimulatedSet {
    return new SimulatedSet([...this.numbers, ...of(other)]);
  }
  subtract(other: PageSet): SimulatedSet {
    return new SimulatedSet([...this.numbers].filter((page) => !of(other).has(page)));
  }
  intersect(other: PageSet): SimulatedSet {
    return new SimulatedSet([...this.numbers].filter((page) => of(other).has(page)));
  }
  first(pages: number): SimulatedSet {
    return new SimulatedSet([...this.numbers].toSorted((a, b) => a - b).slice(0, pages));
  }
}

const of = (set: PageSet): ReadonlySet<number> => (set as SimulatedSet).numbers;

/** A sandbox's memory without a process, for the tests of policies. */
export class SimulatedMemory implements SandboxMemory {
  resident = new Set<number>();
  remote = new Set<number>();
  #recalled = new Set<number>();
  #touched = new Set<number>();
  /** Does this machine have a hotness tracker? */
  tracks = false;
  lookMsPerPage = 0.0002;
  /** Every eviction that was ordered, in order. */
  evictions: number[][] = [];
  cancels = 0;
  /** Of the pool, in pages. */
  capacity = Number.POSITIVE_INFINITY;
  /** When set, evictions wait for it; a cancel in between ends them with nothing moved. */
  hold: Promise<void> | undefined;

  /** Does the kernel keep generations? */
  ages = false;
  #youngest = 0;
  #generation = new Map<number, number>();
  #accessed = new Set<number>();

  /** The program allocates pages. */
  allocate(...pages: number[]): void {
    for (const page of pages) {
      this.resident.add(page);
      this.#generation.set(page, this.#youngest);
    }
  }

  /** As the kernel has them: four at most, and the two youngest are never evicted. */
  get generations(): Generations | null {
    if (!this.ages) return null;
    const upTo = ({ number }: Barrier) => {
      const oldest = Math.max(0, this.#youngest - 3);
      return [...this.resident].filter(
        (page) => number >= oldest && Math.max(oldest, this.#generation.get(page) ?? 0) <= number,
      );
    };
    return {
      age: async () => {
        const number = this.#youngest++;
        for (const page of this.#accessed) this.#generation.set(page, this.#youngest);
        this.#accessed.clear();
        return { number, durationMs: 0 };
      },
      count: async (barrier) => {
        const until = upTo(barrier).length;
        return { until, after: this.resident.size - until };
      },
      evict: async (barrier) =>
        this.evict(new SimulatedSet(barrier.number + 2 > this.#youngest ? [] : upTo(barrier))),
    };
  }

  /** The program touches pages: those that are away come back. */
  touch(...pages: number[]): void {
    for (const page of pages) {
      if (this.remote.delete(page)) this.#recalled.add(page);
      if (this.tracks) this.#touched.add(page);
      this.#accessed.add(page);
      if (!this.resident.has(page)) this.#generation.set(page, this.#youngest);
      this.resident.add(page);
    }
  }

  snapshot = async (): Promise<PageSet> => new SimulatedSet(this.resident);
  range = (start: number, pages: number): PageSet =>
    new SimulatedSet(Array.from({ length: pages }, (_, i) => start + i));
  takeTouched = async (): Promise<PageSet> => {
    const taken = new SimulatedSet(this.#touched);
    this.#touched.clear();
    return taken;
  };
  touched = async (): Promise<PageSet> => new SimulatedSet(this.#touched);
  clearTouched = async (): Promise<void> => this.#touched.clear();
  empty = (): PageSet => new SimulatedSet([]);
  takeRecalled = async (): Promise<PageSet> => {
    const taken = new SimulatedSet(this.#recalled);
    this.#recalled.clear();
    return taken;
  };
  portable = async (pages: PageSet): Promise<PortablePages> => [
    { mapping: "all", runs: [...of(pages)].map((page): [number, number] => [page, 1]) },
  ];
  locate = async (pages: PortablePages): Promise<PageSet> =>
    new SimulatedSet(pages.flatMap(({ runs }) => runs.map(([page]) => page)));
  evict = async (pages: PageSet): Promise<EvictResult> => {
    const before = this.cancels;
    await this.hold;
    if (this.cancels !== before) return { evictedPages: 0, zeroPages: 0, cancelled: true };
    if (this.remote.size + of(pages).size > this.capacity)
      return { evictedPages: 0, zeroPages: 0, cancelled: true, poolFull: true };
    const moved = [...of(pages)].filter((page) => this.resident.delete(page));
    for (const page of moved) this.remote.add(page);
    this.evictions.push(moved.toSorted((a, b) => a - b));
    return { evictedPages: moved.length, zeroPages: 0, cancelled: false };
  };
  prefetch = async (pages: PageSet): Promise<number> => {
    const back = [...of(pages)].filter((page) => this.remote.delete(page));
    for (const page of back) {
      this.resident.add(page);
      this.#recalled.add(page);
    }
    return back.length;
  };
  /** Pages that were to be touched in the background, first ones and the rest of each call. */
  readonly warmed: number[][] = [];
  warms = false;
  warm = (first: PageSet, rest: PageSet): void => {
    for (const pages of [first, rest]) this.warmed.push([...of(pages)].toSorted((a, b) => a - b));
  };
  /** How often pages of files were to be given back. */
  releases = 0;
  releaseFiles = async (): Promise<number> => {
    this.releases++;
    return 0;
  };
  cancel = (): void => {
    this.cancels++;
  };
  stats = (): MemoryStats => ({
    remotePages: this.remote.size,
    copyBytes: 0,
    recallFaults: 0,
    recalledPages: this.#recalled.size,
    evictedPages: 0,
    zeroFills: 0,
    unsentPages: 0,
    stallUs: 0,
  });
}
