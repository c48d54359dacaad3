import { random } from "../base/random.ts";
import type { FunctionSource } from "./analysis.ts";
import { archetypes } from "./archetypes.ts";
import type { KeepAlive } from "./keep-alive.ts";
import { peakOf } from "./poisson.ts";

export interface SynthesisOptions {
  functions: number;
  days: number;
  seed: number;
  /** Play every arrival, however many there are in a minute: what the quick way is checked against. */
  everyArrival?: boolean;
}

/** Name under which it can be analysed; it is too large to be replayed or stored. */
export const SYNTHESIS_2019 = "synthetic-2019";

/** The scale of the public data set of 2019. */
export const fullSynthesis: SynthesisOptions = { functions: 20_000, days: 14, seed: 2019 };

const MINUTE_S = 60;
const DAY_MINUTES = 1440;
/** Minutes of the data that was fitted: a gap as long as this is known by its mean only. */
const SEEN_MINUTES = 480;
/** Busy minutes are played in slots as long as this. */
const SLOT_S = 10;
const SLOTS = MINUTE_S / SLOT_S;
/** Fewer arrivals in a minute are played one by one. */
const BUSY = 24;
/** As the reference holds containers (src/trace/keep-alive.ts). */
const EXECUTION_SCALE = 1.2;

/** Places of the quantiles of gaps and counts: what is rare makes the containers. */
export const AT = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 1];
/** Places of the quantiles of durations. */
export const DURATIONS_AT = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1];

/** The value at a quantile; between two a line through their logarithms, as values go over orders of magnitude. */
function drawFrom(values: readonly number[], places: readonly number[], at: number): number {
  if (values.length === 1) return values[0]!;
  let above = 1;
  while (places[above]! < at) above++;
  const [low, high] = [Math.max(1, values[above - 1]!), Math.max(1, values[above]!)];
  if (low === high) return low;
  return low * (high / low) ** ((at - places[above - 1]!) / (places[above]! - places[above - 1]!));
}

/**
 * Functions as the Azure Functions Trace 2019 has them, by kind (src/trace/archetypes.ts), each made anew when it is played:
 * nothing is kept in memory. A timer keeps its period, count and second; others draw each gap and count, and moments at
 * random in the minute. A function's requests all take its average duration. Days are alike.
 *
 * Where a minute has many short requests, they are not played one by one: semi-warm begins after a minute of idleness at the
 * earliest, so it matters only which containers a minute needs at all. Each slot of 10 s then takes as many containers at once
 * as the most that would have run at a time (src/trace/poisson.ts).
 */
export function synthesized(options: SynthesisOptions = fullSynthesis): FunctionSource {
  const { functions, days, seed } = options;
  const minutes = days * DAY_MINUTES;
  const kinds = kindOfEach(functions, seed);
  return {
    functions,
    spanS: minutes * MINUTE_S,
    play: (index, into) => {
      // Each function has numbers of its own, so that the order of playing makes no difference.
      const next = random((Math.imul(seed, 0x9e3779b1) + index) >>> 0);
      const { timer, gapMinutes: gaps, counts, durationMs } = archetypes[kinds[index]!]!;
      const durationS = drawFrom(durationMs, DURATIONS_AT, next()) / 1000;
      const player = new MinutePlayer(into, durationS, next, options.everyArrival === true);
      if (timer) playTimer(player, minutes, drawFrom(gaps, AT, next()), drawFrom(counts, AT, next()), next);
      else playOthers(player, minutes, gaps, counts, next);
      into.finish();
    },
  };
}

/** Kinds in their shares, in random order: any stretch of the functions is a sample of all. */
function kindOfEach(functions: number, seed: number): Uint8Array {
  const total = archetypes.reduce((sum, kind) => sum + kind.functions, 0);
  const next = random(seed);
  const kinds = new Uint8Array(functions);
  let [kind, until] = [0, archetypes[0]!.functions];
  for (let i = 0; i < functions; i++) {
    while (((i + 0.5) / functions) * total > until) until += archetypes[++kind]!.functions;
    kinds[i] = kind;
  }
  for (let i = functions - 1; i > 0; i--) {
    const other = Math.floor(next() * (i + 1));
    [kinds[i], kinds[other]] = [kinds[other]!, kinds[i]!];
  }
  return kinds;
}

function playTimer(
  player: MinutePlayer,
  minutes: number,
  gap: number,
  count: number,
  next: () => number,
): void {
  const period = Math.max(1, Math.round(gap));
  const second = next();
  for (let minute = Math.floor(next() * period); minute < minutes; minute += period)
    player.even(minute, Math.max(1, Math.round(count)), second);
}

function playOthers(
  player: MinutePlayer,
  minutes: number,
  gaps: readonly number[],
  counts: readonly number[],
  next: () => number,
): void {
  const gap = () => {
    const drawn = drawFrom(gaps, AT, next());
    return Math.max(1, Math.round(drawn < SEEN_MINUTES ? drawn : drawn * -Math.log(1 - next())));
  };
  for (let minute = Math.floor(gap() * next()); minute < minutes; minute += gap())
    player.random(minute, Math.max(1, Math.round(drawFrom(counts, AT, next()))));
}

/** Plays the minutes of one function. */
class MinutePlayer {
  readonly #into: KeepAlive;
  readonly #durationS: number;
  readonly #heldS: number;
  readonly #next: () => number;
  readonly #everyArrival: boolean;
  #moments = new Float64Array(64);

  constructor(into: KeepAlive, durationS: number, next: () => number, everyArrival: boolean) {
    this.#into = into;
    this.#durationS = durationS;
    this.#heldS = durationS * EXECUTION_SCALE;
    this.#next = next;
    this.#everyArrival = everyArrival;
  }

  /** At equal distances, the first one at this part of the distance. */
  even(minute: number, count: number, part: number): void {
    const apart = MINUTE_S / count;
    for (let i = 0; i < count; i++)
      this.#into.arrive(minute * MINUTE_S + (i + part) * apart, this.#durationS);
  }

  /** At random moments. */
  random(minute: number, count: number): void {
    const load = (count * this.#heldS) / MINUTE_S;
    const short = this.#heldS < SLOT_S / 2;
    if (!this.#everyArrival && count >= BUSY && short && count > 2 * SLOTS * (load + 1)) {
      this.#inSlots(minute, count, load);
      return;
    }
    if (count > this.#moments.length) this.#moments = new Float64Array(count * 2);
    const moments = this.#moments.subarray(0, count);
    for (let i = 0; i < count; i++) moments[i] = this.#next();
    if (count > 1) moments.sort();
    for (let i = 0; i < count; i++) this.#into.arrive((minute + moments[i]!) * MINUTE_S, this.#durationS);
  }

  #inSlots(minute: number, count: number, load: number): void {
    const each = count / SLOTS;
    for (let slot = 0; slot < SLOTS; slot++) {
      const whole = Math.round(each * (slot + 1)) - Math.round(each * slot);
      const peak = peakOf(whole, load, this.#next());
      // All of them are free again before the next slot begins.
      const at = minute * MINUTE_S + slot * SLOT_S + this.#next() * (SLOT_S - this.#heldS);
      this.#into.arriveTogether(at, whole, peak, this.#heldS);
    }
  }
}
