import { random } from "../base/random.ts";
import type { Trace } from "./trace.ts";

/** Name of the embedded trace of four loads that a memory policy must do well under. */
export const LOADS_TRACE = "loads";

/** Loads in the trace's order of functions (most arrivals first), with the length that `experiments/loads.ts` plays. */
export const loads = ["high", "bursty", "steady", "rare"] as const;

const HOUR_S = 3600;
const SPAN_S = 4 * HOUR_S;
const SEED = 5;

/** Draws moments of one load until the trace ends. @param next numbers from 0 to 1 */
type Draw = (next: () => number) => number[];

/** About an arrival a second: exponential gaps. */
const high: Draw = (next) => until((at) => at - Math.log(1 - next()), next() * 1);
/** Idle for five minutes, then twenty at once. */
const bursty: Draw = (next) =>
  until((at) => at + 300, 5).flatMap((at) => Array.from({ length: 20 }, () => at + next() * 0.2));
/** An arrival every one to three minutes. */
const steady: Draw = (next) => until((at) => at + 60 + 120 * next(), 5);
/** Bursts of one to five arrivals within some twenty seconds, then nothing for ten to sixty minutes. */
const rare: Draw = (next) =>
  until((at) => at + 600 + 3000 * next(), 5).flatMap((start) => {
    const gaps = Array.from({ length: Math.floor(next() * 5) }, () => 2 + 8 * next());
    return [start, ...gaps.map((_, i) => start + gaps.slice(0, i + 1).reduce((sum, gap) => sum + gap, 0))];
  });

function until(step: (at: number) => number, first: number): number[] {
  const moments: number[] = [];
  for (let at = first; at < SPAN_S; at = step(at)) moments.push(at);
  return moments;
}

/** Four hours of each load; always the same. */
export function loadsTrace(): Trace {
  const next = random(SEED);
  const functions = [high, bursty, steady, rare].map((draw, i) => {
    const arrivals = Float64Array.from(draw(next)).sort();
    return { id: loads[i]!, arrivals, durations: new Float64Array(arrivals.length).fill(0.1) };
  });
  return { name: LOADS_TRACE, source: `generated: ${loads.join(", ")}`, spanS: SPAN_S, functions };
}
