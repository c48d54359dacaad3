import { geometricMean } from "../base/geometric-mean.ts";
import { median } from "../base/quantile.ts";
import type { ModelLatency } from "../profile/model.ts";
import { paceDistance } from "./pace.ts";

/**
 * Not the median: of a function that takes 13 ms or 23, each about as often (`web`), it is now one and now the other. The geometric mean
 * minds a few slow ones little. Only durations of nothing at all have none.
 */
const usualOf = (durations: readonly number[]): number => geometricMean(durations) ?? median(durations);

/** Measured so often, an input tells what to expect of it: three turns of four pauses. */
const FREQUENT = 12;

/**
 * What requests took when nobody looked at their pages. The pause that was watched and is most like the one asked for tells what is
 * usual; by how much a request differs from that is drawn from those after all pauses that had the same input, or one that was rare,
 * too. Slow ones are rare: those of one pause alone would say too little about a P95. Each value that was measured has its turn, in
 * random order, before any comes again.
 */
export class Latency {
  readonly #random: () => number;
  readonly #groups: { gapMs: number; usualMs: number; addedMs: number[] }[];
  /** Durations as multiples of what is usual after their pause: of each input that was measured often, and of the others. */
  readonly #frequent: ReadonlyMap<string, number[]>;
  readonly #others: number[];
  readonly #left = new Map<readonly number[], number[]>();

  /** @param random uniform in [0, 1) */
  constructor({ alone }: ModelLatency, random: () => number) {
    this.#random = random;
    const groups = alone.map(({ gapMs, requests }) => {
      const durations = requests.map(({ durationMs }) => durationMs);
      const addedMs = requests.map((request) => request.addedMs);
      return { gapMs, usualMs: usualOf(durations), addedMs };
    });
    this.#groups = groups;
    const all = alone.flatMap(({ requests }, i) =>
      requests.map(({ input, durationMs }) => ({ input, multiple: durationMs / groups[i]!.usualMs })),
    );
    const multiples = (some: typeof all) => some.map(({ multiple }) => multiple);
    const frequent = [...Map.groupBy(all, ({ input }) => input)].filter(
      ([, some]) => some.length >= FREQUENT,
    );
    this.#frequent = new Map(frequent.map(([input, some]) => [input, multiples(some)]));
    const rare = all.filter(({ input }) => !this.#frequent.has(input));
    this.#others = multiples(rare.length > 0 ? rare : all);
  }

  /** Of a function's run, in milliseconds. @param gapMs pause before it @param input `inputKey` of its context */
  functionMs(gapMs: number, input: string): number {
    return this.#nearest(gapMs).usualMs * this.#draw(this.#frequent.get(input) ?? this.#others);
  }

  /** Of what the node adds to that, in milliseconds. @param gapMs pause before it */
  addedMs(gapMs: number): number {
    return this.#draw(this.#nearest(gapMs).addedMs);
  }

  #nearest(gapMs: number) {
    return this.#groups.reduce((a, b) =>
      paceDistance(gapMs, b.gapMs) < paceDistance(gapMs, a.gapMs) ? b : a,
    );
  }

  #draw(values: readonly number[]): number {
    const left = this.#left.get(values)?.length ? this.#left.get(values)! : [...values];
    this.#left.set(values, left);
    return left.splice(Math.floor(this.#random() * left.length), 1)[0]!;
  }
}
