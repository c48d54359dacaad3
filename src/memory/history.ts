import { ReuseIntervals } from "./reuse-intervals.ts";

/** Durations that the median is taken of. */
const RECENT = 32;
/** Bulk restore of a slow machine, in bytes per second: what is assumed until a recall was measured. */
const ASSUMED_RECALL = 1024 ** 3;

/** What the sandboxes of one function have taught so far; shared by their policies. */
export class FunctionHistory {
  readonly reuse = new ReuseIntervals();
  #durations: number[] = [];
  #recallBytesPerS = ASSUMED_RECALL;

  /** A warm request that brought nothing back took this long, in milliseconds of real time. */
  recordDuration(ms: number): void {
    this.#durations = [...this.#durations, ms].slice(-RECENT);
  }

  /** Median duration of undisturbed requests, in milliseconds; null until there was one. */
  get durationMs(): number | null {
    const sorted = this.#durations.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? null;
  }

  /** A prefetch brought `bytes` back in `ms` of real time. */
  recordRecall(bytes: number, ms: number): void {
    if (bytes < 1024 ** 2 || ms <= 0) return; // too small to tell a rate
    this.#recallBytesPerS += 0.25 * (bytes / (ms / 1000) - this.#recallBytesPerS);
  }

  /** How long bringing `bytes` back will take, in milliseconds of real time. */
  recallMs(bytes: number): number {
    return (bytes / this.#recallBytesPerS) * 1000;
  }
}
