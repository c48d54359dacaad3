import { type LoadClass, loadClassOf } from "../trace/analysis.ts";
import type { Trace, TraceFunction } from "../trace/trace.ts";
import { FUNCTIONS_2021, INVOCATIONS_2021 } from "../trace/trace-2021.ts";
import type { ReferenceWindow } from "./definition.ts";
import type { TraceWindow } from "./plan.ts";

/** First and last + 1 rank of each load class in it. */
const RANKS_2021: Record<LoadClass, readonly [number, number]> = {
  high: [0, 28],
  middle: [28, 104],
  low: [104, FUNCTIONS_2021],
};
/** Candidates for a window's start that are looked at in one function. */
const CANDIDATES = 400;
/** Fewer arrivals tell nothing about latencies. */
const FEWEST = 5;

export function isTrace2021(trace: Trace): boolean {
  const invocations = trace.functions.reduce((sum, fn) => sum + fn.arrivals.length, 0);
  return trace.functions.length === FUNCTIONS_2021 && invocations === INVOCATIONS_2021;
}

export interface ChosenWindows {
  windows: TraceWindow[];
  /** To be said with every output; undefined: these are the reference's own windows. */
  note: string | undefined;
}

/**
 * The reference's windows where the trace is the one of 2021; else windows of functions of the same load class, at the same
 * place in it: those whose number of arrivals is nearest to the function's average, or, for uneven ones, whose gaps vary most.
 *
 * @param windowS length of each in trace seconds
 */
export function chooseWindows(
  trace: Trace,
  wanted: readonly ReferenceWindow[],
  windowS: number,
): ChosenWindows {
  if (isTrace2021(trace)) {
    return {
      windows: wanted.map(({ label, rank, start }) => ({
        ...{ label, traceFunction: rank, startIndex: start, windowS },
      })),
      note: undefined,
    };
  }
  const taken = new Map<number, number[]>();
  const windows = wanted.map((window): TraceWindow => {
    const rank = rankLike(trace, window.rank);
    const fn = trace.functions[rank]!;
    const used = taken.get(rank) ?? [];
    const startIndex = startLike(fn, trace.spanS, windowS, window.uneven === true, used);
    taken.set(rank, [...used, startIndex]);
    return { label: window.label, traceFunction: rank, startIndex, windowS };
  });
  const chosen = windows
    .map((window) => `${window.label} = ${window.traceFunction}@${window.startIndex}`)
    .join(", ");
  return {
    windows,
    note: `not the trace of 2021: windows of trace ${trace.name} with the same load class instead (${chosen})`,
  };
}

const classOfRank = (rank: number): LoadClass =>
  (Object.keys(RANKS_2021) as LoadClass[]).find((load) => rank < RANKS_2021[load][1]) ?? "low";

/** The function at the same place of the same load class, or of the nearest class that has any. */
function rankLike(trace: Trace, rank: number): number {
  const load = classOfRank(rank);
  const [first, end] = RANKS_2021[load];
  const ranksOf = (wanted: LoadClass) =>
    trace.functions.flatMap((fn, i) =>
      loadClassOf(fn.arrivals.length, trace.spanS) === wanted && fn.arrivals.length >= FEWEST ? [i] : [],
    );
  const neighbours: Record<LoadClass, LoadClass[]> = {
    high: ["high", "middle", "low"],
    middle: ["middle", "high", "low"],
    low: ["low", "middle", "high"],
  };
  const ranks = neighbours[load].map(ranksOf).find((found) => found.length > 0) ?? [0];
  const place = Math.floor(((rank - first) / (end - first)) * ranks.length);
  return ranks[Math.min(ranks.length - 1, place)]!;
}

interface Candidate {
  start: number;
  arrivals: number;
  /** Coefficient of variation of the gaps. */
  unevenness: number;
}

/** @param used starts of windows that others have already */
function startLike(
  fn: TraceFunction,
  spanS: number,
  windowS: number,
  uneven: boolean,
  used: readonly number[],
): number {
  const { arrivals } = fn;
  const last = arrivals.at(-1)! - windowS;
  const step = Math.max(1, Math.floor(arrivals.length / CANDIDATES));
  const candidates: Candidate[] = [];
  for (
    let start = 0;
    start < arrivals.length && arrivals[start]! <= Math.max(last, arrivals[0]!);
    start += step
  ) {
    if (used.some((other) => Math.abs(arrivals[other]! - arrivals[start]!) < windowS)) continue;
    candidates.push(look(arrivals, start, windowS));
  }
  if (candidates.length === 0) return used.length; // a trace with fewer windows than were asked for
  const average = (arrivals.length * windowS) / Math.max(spanS, windowS);
  const enough = candidates.filter((one) => one.arrivals >= Math.max(FEWEST, uneven ? average / 2 : 0));
  const pool = enough.length > 0 ? enough : candidates;
  const score = (one: Candidate) => (uneven ? -one.unevenness : Math.abs(one.arrivals - average));
  return pool.reduce((best, one) => (score(one) < score(best) ? one : best)).start;
}

function look(arrivals: Float64Array, start: number, windowS: number): Candidate {
  let end = start;
  while (end < arrivals.length && arrivals[end]! - arrivals[start]! < windowS) end++;
  const gaps = Array.from(
    { length: end - start - 1 },
    (_, i) => arrivals[start + i + 1]! - arrivals[start + i]!,
  );
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / Math.max(1, gaps.length);
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / Math.max(1, gaps.length);
  return { start, arrivals: end - start, unevenness: mean > 0 ? Math.sqrt(variance) / mean : 0 };
}
