import { random } from "../base/random.ts";
import { draw, fitted, type Quantiles } from "./quantiles.ts";
import { spreadOver } from "./spread.ts";
import { ranked, type Trace, type TraceFunction } from "./trace.ts";

/** Load shapes by name. */
export const shapes = ["rare", "steady", "bursty", "diurnal"] as const;
export type Shape = (typeof shapes)[number];

/**
 * Minutes between two minutes with invocations, and invocations in such a minute: measured on eight hours of 500
 * functions of the Azure Functions Trace 2019. `rare`: fewer than 64 invocations a day (the low class); `steady`: 64 to 511, with counts
 * that vary like a Poisson process or less; `bursty`: 64 and more, with counts that vary at least three times as much.
 */
export const fits: Record<"rare" | "steady" | "bursty", { gapMinutes: Quantiles; count: Quantiles }> = {
  rare: {
    gapMinutes: fitted(1, 1, 1, 3, 8, 17, 30, 30, 54, 60, 60, 60, 67, 120, 179, 406),
    count: fitted(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 13),
  },
  steady: {
    gapMinutes: fitted(1, 1, 3, 3, 3, 4, 4, 5, 5, 5, 5, 5, 10, 15, 16, 159),
    count: fitted(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5),
  },
  bursty: {
    gapMinutes: fitted(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 14, 47, 419),
    count: fitted(1, 1, 1, 1, 1, 1, 2, 3, 3, 4, 6, 7, 11, 16, 33, 233),
  },
};

/**
 * Mean invocations a minute of `diurnal`: the median of the 13 http functions with more than 2,000 a day (3.99). That noon has 1.6 times
 * as many and midnight 0.4 is chosen: eight hours do not tell a day's course (least squares give amplitudes of 0.1 to
 * 0.5 with peaks from 13 to 22 h, depending on which functions are taken).
 */
const DIURNAL_PER_MINUTE = 4;
/** Average durations in milliseconds of 20,284 functions of the same trace (all between 100 and 5,000), by quantile. */
const DURATION_MS: Quantiles = [
  [0, 100],
  [0.01, 105],
  [0.05, 125],
  [0.1, 152],
  [0.25, 279],
  [0.5, 709],
  [0.75, 1696],
  [0.9, 3114],
  [0.95, 3921],
  [0.99, 4763],
  [1, 5000],
];
const DAY_MINUTES = 1440;

export interface GenerateOptions {
  name: string;
  shape: Shape;
  functions: number;
  hours: number;
  seed: number;
}

/** A trace of functions that behave like this; the same for the same seed. */
export function generateTrace({ name, shape, functions, hours, seed }: GenerateOptions): Trace {
  const next = random(seed);
  // Of their own, so that arrivals do not depend on them.
  const nextDuration = random(seed + 1);
  const minutes = Math.round(hours * 60);
  const list = Array.from({ length: functions }, (_, i): TraceFunction => {
    const arrivals = Float64Array.from(arrivalsOf(shape, minutes, next));
    const durationS = draw(DURATION_MS, nextDuration()) / 1000;
    return { id: `${shape}-${i}`, arrivals, durations: new Float64Array(arrivals.length).fill(durationS) };
  });
  return {
    name,
    source: `generated: ${shape}, ${functions} functions, ${hours} h, seed ${seed}`,
    spanS: minutes * 60,
    functions: ranked(list.filter((fn) => fn.arrivals.length > 0)),
  };
}

function arrivalsOf(shape: Shape, minutes: number, next: () => number): number[] {
  const arrivals: number[] = [];
  const put = (minute: number, count: number) => {
    for (const at of spreadOver(count, "uniform", next)) arrivals.push(minute * 60 + at);
  };
  if (shape === "diurnal") {
    for (let minute = 0; minute < minutes; minute++) {
      const phase = Math.cos((2 * Math.PI * (minute % DAY_MINUTES)) / DAY_MINUTES);
      put(minute, poisson(DIURNAL_PER_MINUTE * (1 - 0.6 * phase), next));
    }
    return arrivals;
  }
  const { gapMinutes, count } = fits[shape];
  // The first one somewhere in the first gap: a trace begins at no special moment.
  let minute = Math.floor(draw(gapMinutes, next()) * next());
  for (; minute < minutes; minute += Math.max(1, Math.round(draw(gapMinutes, next()))))
    put(minute, Math.max(1, Math.round(draw(count, next()))));
  return arrivals;
}

/** Knuth's method: fine for means of some ten. */
function poisson(mean: number, next: () => number): number {
  const limit = Math.exp(-mean);
  let [count, product] = [0, next()];
  for (; product > limit; count++) product *= next();
  return count;
}
