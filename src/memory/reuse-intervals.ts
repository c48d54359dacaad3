/** Longest interval that is told apart, in seconds; longer ones count as this. */
const LONGEST_S = 4 * 3600;
/** Buckets grow by a twelfth of an octave, about 6 %: finer than arrivals repeat themselves. */
const PER_OCTAVE = 12;
const BUCKETS = Math.ceil(Math.log2(LONGEST_S) * PER_OCTAVE) + 1;
/** Weight that an observation keeps when a newer one comes: half of it is left after 460. */
const DECAY = 0.9985;
/** Below this, the tail is not known: the floor holds. */
const ENOUGH = 20;
/** Observations longer than this, in seconds, of which the latest so many are kept as they were. */
export const LONG_S = 15;
export const LATEST = 64;
/** So many of them are enough to expect another one like them. */
const ENOUGH_LONG = 10;

/**
 * What a function's sandboxes idle between two requests: a histogram that forgets slowly. The P99 of it is when
 * semi-warm may begin, because then at most one request in a hundred meets a semi-warm sandbox (paper, section 5.2).
 */
export class ReuseIntervals {
  readonly #weight = new Float64Array(BUCKETS);
  #scale = 1;
  #samples = 0;
  #latest: number[] = [];

  /** A sandbox was used again after it idled for `seconds`. */
  record(seconds: number): void {
    // Growing weights of new observations instead of shrinking all old ones.
    this.#scale /= DECAY;
    this.#weight[bucketOf(seconds)]! += this.#scale;
    this.#samples++;
    if (seconds > LONG_S) this.#latest = [...this.#latest, seconds].slice(-LATEST);
    if (this.#scale > 1e100) {
      for (let i = 0; i < BUCKETS; i++) this.#weight[i]! /= this.#scale;
      this.#scale = 1;
    }
  }

  /** Observations so far. */
  get samples(): number {
    return this.#samples;
  }

  /**
   * Upper end of the bucket that holds this quantile, in seconds; null until there are enough observations.
   * @param quantile 0 to 1
   */
  quantile(quantile: number): number | null {
    if (this.#samples < ENOUGH) return null;
    const total = this.#weight.reduce((sum, weight) => sum + weight, 0);
    return 2 ** (this.#bucketAt(total * quantile, 0) / PER_OCTAVE);
  }

  /**
   * The shortest and the longest of the latest long observations that were longer than `seconds`, in seconds, without this share of them
   * at either end. Null until there are enough of them.
   * @param spread where they are groups that lie so many times apart (sandboxes that every second burst leaves out idle for twice the
   * time), the range is that of the first group
   */
  rangeAbove(
    seconds: number,
    outside: number,
    spread = Number.POSITIVE_INFINITY,
  ): { low: number; high: number } | null {
    const above = this.#latest.filter((interval) => interval > seconds).toSorted((a, b) => a - b);
    if (above.length < ENOUGH_LONG) return null;
    const left = Math.ceil(above.length * outside);
    const low = above[left]!;
    const group = above.filter((interval) => interval <= low * spread);
    if (group.length >= ENOUGH_LONG) {
      const high = group[group.length - 1 - left]!;
      const between = above.filter((interval) => interval > high && interval <= high * spread);
      if (between.length <= left) return { low, high };
    }
    return { low, high: above[above.length - 1 - left]! };
  }

  /** The bucket in which the weights from `first` on come to `weight`. */
  #bucketAt(weight: number, first: number): number {
    let left = weight;
    for (let i = first; i < BUCKETS; i++) {
      left -= this.#weight[i]!;
      if (left <= 0) return i;
    }
    return BUCKETS - 1;
  }

  /** Share of the observations that were longer than `seconds`, to a bucket's precision; 0 without any. */
  shareAbove(seconds: number): number {
    const total = this.#weight.reduce((sum, weight) => sum + weight, 0);
    const above = this.#weight.slice(bucketOf(seconds) + 1).reduce((sum, weight) => sum + weight, 0);
    return total > 0 ? above / total : 0;
  }

  /** For the store: what `load` takes. */
  save(): { samples: number; weights: number[]; latest: number[] } {
    const weights = [...this.#weight].map((weight) => weight / this.#scale);
    return { samples: this.#samples, weights, latest: this.#latest };
  }

  load(saved: { samples: number; weights: number[]; latest: number[] }): void {
    this.#latest = saved.latest;
    this.#samples = saved.samples;
    this.#scale = 1;
    this.#weight.fill(0);
    this.#weight.set(saved.weights.slice(0, BUCKETS));
  }
}

const bucketOf = (seconds: number): number =>
  Math.min(BUCKETS - 1, Math.max(0, Math.ceil(Math.log2(Math.max(seconds, 1)) * PER_OCTAVE)));
