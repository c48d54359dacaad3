import type { LoneRequest, ModelLatency } from "../profile/model.ts";
import { paceDistance } from "./pace.ts";

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
    const nearest = this.#groups.reduce((a, b) =>
      paceDistance(gapMs, b.gapMs) < paceDistance(gapMs, a.gapMs) ? b : a,
    );
    const values = nearest[of];
    const left = this.#left.get(values)?.length ? this.#left.get(values)! : [...values];
    this.#left.set(values, left);
    return left.splice(Math.floor(this.#random() * left.length), 1)[0]!;
  }
}
