import { generateTrace, type Shape } from "./generate.ts";
import { distance, quantileValues } from "./quantiles.ts";
import type { Trace, TraceFunction } from "./trace.ts";

const MINUTE_S = 60;
const DAY_MINUTES = 1440;
/** Shapes that were fitted; a day's course cannot be seen in eight hours. */
export const fittedShapes = ["rare", "steady", "bursty"] as const satisfies Shape[];
type FittedShape = (typeof fittedShapes)[number];

/** Quantiles that tables show. */
export const SHOWN = [0.1, 0.25, 0.5, 0.75, 0.9, 0.98];
const GENERATED = 150;
const SEED = 5;

/** A quantity of the trace's functions of a shape beside that of generated ones. */
export interface Comparison {
  /** Values at the quantiles `SHOWN`. */
  trace: number[];
  generated: number[];
  /** Kolmogorov-Smirnov distance. */
  distance: number;
}

export interface ShapeFit {
  shape: FittedShape;
  /** Functions of the trace that are of this shape. */
  functions: number;
  /** null: the trace has none, or no two active minutes in them. */
  gapMinutes: Comparison | null;
  counts: Comparison | null;
}

/** Invocations of each active minute, in order. */
export function minutesOf({ arrivals }: TraceFunction): Map<number, number> {
  const counts = new Map<number, number>();
  for (const at of arrivals) {
    const minute = Math.floor(at / MINUTE_S);
    counts.set(minute, (counts.get(minute) ?? 0) + 1);
  }
  return counts;
}

/**
 * The shape of a function: by invocations a day, and by how much more its counts vary than a Poisson process's would (variance
 * over mean of the counts of all minutes). undefined: of none that was fitted.
 */
export function shapeOf(fn: TraceFunction, spanS: number): FittedShape | undefined {
  const minutes = Math.max(1, Math.ceil(spanS / MINUTE_S));
  const mean = fn.arrivals.length / minutes;
  const daily = mean * DAY_MINUTES;
  if (daily < 64) return "rare";
  let squares = 0;
  for (const count of minutesOf(fn).values()) squares += count * count;
  const dispersion = (squares / minutes - mean * mean) / mean;
  if (daily < 512 && dispersion < 1.5) return "steady";
  return daily < 9000 && dispersion >= 3 ? "bursty" : undefined;
}

/** How near the generator's shapes are to the functions of a trace. */
export function fitTrace(trace: Trace): ShapeFit[] {
  const hours = Math.max(1, trace.spanS / 3600);
  return fittedShapes.map((shape) => {
    const real = trace.functions.filter((fn) => shapeOf(fn, trace.spanS) === shape);
    const { functions: ours } = generateTrace({
      name: shape,
      shape,
      functions: GENERATED,
      hours,
      seed: SEED,
    });
    return {
      shape,
      functions: real.length,
      gapMinutes: compare(real.flatMap(gapsOf), ours.flatMap(gapsOf)),
      counts: compare(real.flatMap(countsOf), ours.flatMap(countsOf)),
    };
  });
}

const countsOf = (fn: TraceFunction) => [...minutesOf(fn).values()];
function gapsOf(fn: TraceFunction): number[] {
  const minutes = [...minutesOf(fn).keys()];
  return minutes.slice(1).map((minute, i) => minute - minutes[i]!);
}

function compare(trace: number[], generated: number[]): Comparison | null {
  if (trace.length === 0 || generated.length === 0) return null;
  const at = (values: number[]) => {
    const sorted = values.toSorted((a, b) => a - b);
    return quantileValues(sorted, SHOWN);
  };
  return { trace: at(trace), generated: at(generated), distance: distance(trace, generated) };
}
