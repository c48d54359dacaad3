import type { LoneRequest, ModelLatency } from "../profile/model.ts";

/** Pauses that differ by less than this, in milliseconds, are alike. */
const SHORT_MS = 30;
/** Longer ones too. */
const LONG_MS = 1e6;

/**
 * What requests took when nobody looked at their pages: each value that was measured after the pause most like the one asked
 * for has its turn, in random order, before any comes again.
 */
export class Latency {
  readonly #random: () => number;
  readonly #groups: { gapMs: number; durationMs: number[]; addedMs: number[] }[];
  readonly #left = new Map<readonly number[], number[]>();

  /** @param random uniform in [0, 1) */
  constructor({ alone }: ModelLatency, random: () => number) {
    this.#random = random;
    const values = (requests: LoneRequest[], of: keyof LoneRequest) => requests.map((one) => one[of]);
    this.#groups = alone.map(({ gapMs, requests }) => ({
      gapMs,
      durationMs: values(requests, "durationMs"),
      addedMs: values(requests, "addedMs"),
    }));
  }

  /** Of a function's run, or what the node adds to it, in milliseconds. @param gapMs pause before it */
  draw(of: keyof LoneRequest, gapMs: number): number {
    const distance = (one: { gapMs: number }) =>
      Math.abs(Math.log((Math.min(Math.max(0, gapMs), LONG_MS) + SHORT_MS) / (one.gapMs + SHORT_MS)));
    const values = this.#groups.reduce((a, b) => (distance(b) < distance(a) ? b : a))[of];
    const left = this.#left.get(values)?.length ? this.#left.get(values)! : [...values];
    this.#left.set(values, left);
    return left.splice(Math.floor(this.#random() * left.length), 1)[0]!;
  }
}
