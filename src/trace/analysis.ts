import type { Trace, TraceFunction } from "./trace.ts";

const DAY_S = 86_400;

/** Load classes by average invocations a day (reference, section 4). */
export const loadClasses = ["high", "middle", "low"] as const;
export type LoadClass = (typeof loadClasses)[number];

/** @param spanS length of the trace in seconds */
export function loadClassOf(invocations: number, spanS: number): LoadClass {
  const daily = (invocations * DAY_S) / Math.max(spanS, 1);
  return daily >= 512 ? "high" : daily >= 64 ? "middle" : "low";
}

export interface KeepAliveOptions {
  /** Idle seconds after which a container ends. */
  keepAliveS: number;
  /** How much longer a request holds a container than the trace says. */
  executionScale: number;
}

/** The reference's: its semi-warm delays come of them. */
export const referenceKeepAlive: KeepAliveOptions = { keepAliveS: 600, executionScale: 1.2 };

/** What one function's containers do under keep-alive, without any limit of their number. */
export interface KeepAliveResult {
  coldStarts: number;
  /** Idle seconds between two requests of a container, in the order of the requests. */
  reuseIntervals: Float64Array;
  /** Seconds from start to end of each container, the last keep-alive included. */
  lifetimes: Float64Array;
  /** Idle seconds of each container, one list for all: `idle` of container i are those from `idleFrom[i]` on. */
  idle: Float64Array;
  idleFrom: Uint32Array;
}

/** Growable column. */
class Column {
  values = new Float64Array(1024);
  length = 0;
  push(value: number): void {
    if (this.length === this.values.length) {
      const grown = new Float64Array(this.length * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.length++] = value;
  }
  finish = () => this.values.slice(0, this.length);
}

interface Container {
  startedAt: number;
  /** End of its current or last request. */
  freeAt: number;
  idle: number[];
}

/** Requests that run, by the time they end. */
class Busy {
  readonly #heap: Container[] = [];

  get first(): Container | undefined {
    return this.#heap[0];
  }

  push(container: Container): void {
    const heap = this.#heap;
    let at = heap.push(container) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.freeAt <= container.freeAt) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = container;
  }

  pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.freeAt < heap[child]!.freeAt) child++;
      if (heap[child]!.freeAt >= last.freeAt) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

/** Plays one function's arrivals against containers that are reused last in, first out (reference, section 5). */
export function playKeepAlive(
  fn: TraceFunction,
  options: KeepAliveOptions = referenceKeepAlive,
): KeepAliveResult {
  const { keepAliveS, executionScale } = options;
  const busy = new Busy();
  let idle: Container[] = []; // by the time they became idle
  let oldest = 0;
  let coldStarts = 0;
  const [reuse, lifetimes, idleTimes, idleFrom] = [new Column(), new Column(), new Column(), new Column()];
  const end = (container: Container) => {
    lifetimes.push(container.freeAt + keepAliveS - container.startedAt);
    idleFrom.push(idleTimes.length);
    for (const seconds of container.idle) idleTimes.push(seconds);
    idleTimes.push(keepAliveS);
  };
  const settle = (now: number) => {
    for (let done = busy.first; done && done.freeAt <= now; done = busy.first) {
      busy.pop();
      idle.push(done);
    }
    while (oldest < idle.length && now - idle[oldest]!.freeAt > keepAliveS) end(idle[oldest++]!);
    if (oldest > 1024 && oldest * 2 > idle.length) {
      idle = idle.slice(oldest);
      oldest = 0;
    }
  };
  fn.arrivals.forEach((now, i) => {
    settle(now);
    let container = idle.length > oldest ? idle.pop() : undefined;
    if (container) {
      reuse.push(now - container.freeAt);
      container.idle.push(now - container.freeAt);
    } else {
      coldStarts++;
      container = { startedAt: now, freeAt: 0, idle: [] };
    }
    container.freeAt = now + fn.durations[i]! * executionScale;
    busy.push(container);
  });
  settle(Number.POSITIVE_INFINITY);
  return {
    coldStarts,
    reuseIntervals: reuse.finish(),
    lifetimes: lifetimes.finish(),
    idle: idleTimes.finish(),
    idleFrom: Uint32Array.from(idleFrom.finish()),
  };
}

/** The delay after which semi-warm begins: this percentile of the reuse intervals, and at least the floor. */
export function semiWarmDelayOf(result: KeepAliveResult, percentile: number, floorS = 60): number {
  if (result.reuseIntervals.length === 0) return floorS;
  const sorted = result.reuseIntervals.toSorted();
  const place = Math.min(sorted.length - 1, Math.ceil((percentile / 100) * sorted.length) - 1);
  return Math.max(floorS, sorted[Math.max(0, place)]!);
}

/** Share of each container's life that is semi-warm when semi-warm begins after `delayS` of idleness. */
export function semiWarmShares(result: KeepAliveResult, delayS: number): Float64Array {
  return result.lifetimes.map((lifetime, i) => {
    let semiWarm = 0;
    const to = result.idleFrom[i + 1] ?? result.idle.length;
    for (let at = result.idleFrom[i]!; at < to; at++) semiWarm += Math.max(0, result.idle[at]! - delayS);
    return semiWarm / lifetime;
  });
}

/** One function under keep-alive, with the numbers that outputs show. */
export interface FunctionAnalysis {
  rank: number;
  invocations: number;
  load: LoadClass;
  coldStartRatio: number;
  delayS: number;
  lifetimes: Float64Array;
  semiWarmShares: Float64Array;
}

/** All functions of a trace. @param percentile of the reuse intervals that the semi-warm delay is */
export function analyseTrace(
  trace: Trace,
  options: KeepAliveOptions & { percentile: number },
): FunctionAnalysis[] {
  return trace.functions.map((fn, rank) => {
    const result = playKeepAlive(fn, options);
    const delayS = semiWarmDelayOf(result, options.percentile);
    return {
      rank,
      invocations: fn.arrivals.length,
      load: loadClassOf(fn.arrivals.length, trace.spanS),
      coldStartRatio: result.coldStarts / fn.arrivals.length,
      delayS,
      lifetimes: result.lifetimes,
      semiWarmShares: semiWarmShares(result, delayS),
    };
  });
}
