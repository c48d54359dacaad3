import { random } from "../base/random.ts";
import type { Trace } from "./trace.ts";

/** Name of the embedded trace; no imported one may take it. */
export const QUICK_TRACE = "quick";
/** Length of its window in seconds. */
export const QUICK_WINDOW_S = 600;

const SEED = 7;

/**
 * The embedded trace of the quick experiment, generated: one low-load function over ten minutes. Bursts of
 * one to four arrivals, idle gaps of 40 to 150 s between them, and a quiet end, as low-load functions of the
 * Azure traces show them.
 */
export function quickTrace(): Trace {
  const next = random(SEED);
  const arrivals: number[] = [];
  let at = 0;
  while (at < QUICK_WINDOW_S - 100) {
    const burst = 1 + Math.floor(next() * 4);
    for (let i = 0; i < burst; i++) {
      arrivals.push(at);
      at += 1 + next() * 5;
    }
    at += 40 + next() * 110;
  }
  return {
    name: QUICK_TRACE,
    source: `generated: bursts of 1-4, gaps of 40-150 s, seed ${SEED}`,
    spanS: QUICK_WINDOW_S,
    functions: [
      {
        id: "quick",
        arrivals: Float64Array.from(arrivals),
        durations: new Float64Array(arrivals.length).fill(0.1),
      },
    ],
  };
}
