import { drainMicrotasks } from "bun:jsc";
import type { Clock } from "../base/clock.ts";

interface Timer {
  at: number;
  /** Order of those that are due at the same time. */
  turn: number;
  run: (() => void) | null;
}

/** How long the event loop may wait for other things while a simulation runs, in real milliseconds. */
const SLICE_MS = 50;

/**
 * A clock that jumps from one timer to the next. All promises settle before it goes on, so that code which awaits sees
 * the same order as on a real clock, with no time between.
 */
export class VirtualClock implements Clock {
  readonly scale: number;
  #now = 0;
  #turn = 0;
  /** Binary heap, the earliest first. */
  readonly #timers: Timer[] = [];

  /** @param scale trace seconds that pass in one real second */
  constructor(scale: number) {
    this.scale = scale;
  }

  now(): number {
    return this.#now;
  }

  realMs(): number {
    return (this.#now * 1000) / this.scale;
  }

  after(seconds: number, run: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, seconds), turn: this.#turn++, run };
    this.#push(timer);
    return () => {
      timer.run = null;
    };
  }

  /** As `after`, in milliseconds of real time: for work, which no scale makes faster. */
  afterMs(ms: number, run: () => void): () => void {
    return this.after((ms / 1000) * this.scale, run);
  }

  sleep(seconds: number): Promise<void> {
    return new Promise((resolve) => this.after(seconds, resolve));
  }

  /**
   * Runs everything that is due before `end`, or until `done` says so; `signal` ends it early.
   * @returns real milliseconds that it took
   */
  async run(end: number, signal: AbortSignal, done: () => boolean = () => false): Promise<void> {
    while (!done()) {
      await new Promise((resolve) => setImmediate(resolve)); // signals and progress have their turn
      signal.throwIfAborted();
      const slice = performance.now() + SLICE_MS;
      do {
        drainMicrotasks();
        if (done()) return;
        const next = this.#timers[0];
        if (!next || next.at > end) {
          this.#now = Math.max(this.#now, end);
          return;
        }
        this.#pop();
        if (next.run === null) continue;
        this.#now = next.at;
        next.run();
      } while (performance.now() < slice);
    }
  }

  #push(timer: Timer): void {
    const heap = this.#timers;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#timers;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.turn < b.turn);
