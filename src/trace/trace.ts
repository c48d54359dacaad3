/** One function's invocations. Arrays of equal length, sorted by arrival; seconds from the trace's start. */
export interface TraceFunction {
  id: string;
  arrivals: Float64Array;
  durations: Float64Array;
}

/** A trace. Functions are ranked by number of invocations, most first (`trace_id` 0 of the reference). */
export interface Trace {
  name: string;
  /** Where it came from, for outputs. */
  source: string;
  /** Seconds from its start to its last arrival. */
  spanS: number;
  functions: TraceFunction[];
}

/** Arrivals from the `start`-th on, within `seconds` of that one, in seconds after it (reference, section 4). */
export function windowOf(fn: TraceFunction, start: number, seconds: number): number[] {
  const first = fn.arrivals[start];
  if (first === undefined) return [];
  const found: number[] = [];
  for (let i = start; i < fn.arrivals.length && fn.arrivals[i]! - first < seconds; i++)
    found.push(fn.arrivals[i]! - first);
  return found;
}

/** Sorts functions by invocations, most first; equal ones keep their order. */
export function ranked(functions: TraceFunction[]): TraceFunction[] {
  return functions.toSorted((a, b) => b.arrivals.length - a.arrivals.length);
}
