/** Most points of a distribution function that are kept. */
const POINTS = 200;

/**
 * An empirical distribution of any number of values in fixed memory. Values fall into fixed bins; each bin knows the
 * largest value in it, so that every point of the distribution function is exact: it is the share of all values that are
 * at most this one. Only which points there are depends on the bins.
 */
export class Distribution {
  readonly #binOf: (value: number) => number;
  readonly #counts: Float64Array;
  readonly #largest: Float64Array;
  #total = 0;

  constructor(bins: number, binOf: (value: number) => number) {
    this.#binOf = binOf;
    this.#counts = new Float64Array(bins);
    this.#largest = new Float64Array(bins);
  }

  add(value: number): void {
    const bin = Math.max(0, Math.min(this.#counts.length - 1, this.#binOf(value)));
    this.#counts[bin]!++;
    if (value > this.#largest[bin]! || this.#counts[bin] === 1) this.#largest[bin] = value;
    this.#total++;
  }

  /** [value, share of all values that are at most this], 200 at most, the last one with share 1. */
  points(): [number, number][] {
    const points: [number, number][] = [];
    let below = 0;
    this.#counts.forEach((count, bin) => {
      if (count === 0) return;
      below += count;
      const share = below / this.#total;
      if (below === this.#total || share * (POINTS - 1) >= points.length + 1)
        points.push([this.#largest[bin]!, share]);
    });
    return points;
  }
}

/** Shares of 0 to 1 in steps of 0.001; 0 itself apart. */
export const shares = () =>
  new Distribution(1002, (value) => (value <= 0 ? 0 : 1 + Math.floor(value * 1000)));

/** Seconds in steps of 1.1 %, from a millisecond to 68 years. */
export const seconds = () => new Distribution(64 * 41, (value) => Math.floor(Math.log2(value) * 64) + 640);

/** The smallest point whose share is at least q; null for no points. */
export const quantileOfPoints = (points: readonly [number, number][], q: number): number | null =>
  points.find(([, share]) => share >= q)?.[0] ?? null;
