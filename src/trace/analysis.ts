import type { Documents } from "../results/documents.ts";
import { type Distribution, quantileOfPoints, seconds, shares } from "./distribution.ts";
import { KeepAlive, type KeepAliveOptions, playInto, referenceKeepAlive } from "./keep-alive.ts";
import type { Trace } from "./trace.ts";

const DAY_S = 86_400;

/** Load classes by average invocations a day (reference, section 4). */
export const loadClasses = ["high", "middle", "low"] as const;
export type LoadClass = (typeof loadClasses)[number];

/** @param spanS length of the trace in seconds */
export function loadClassOf(invocations: number, spanS: number): LoadClass {
  const daily = (invocations * DAY_S) / Math.max(spanS, 1);
  return daily >= 512 ? "high" : daily >= 64 ? "middle" : "low";
}

/** Functions that are played one after the other, without all of their arrivals in memory. */
export interface FunctionSource {
  functions: number;
  spanS: number;
  /** Plays all arrivals of a function, first to last. */
  play: (index: number, into: KeepAlive) => void;
}

export const sourceOf = (trace: Trace): FunctionSource => ({
  functions: trace.functions.length,
  spanS: trace.spanS,
  play: (index, into) => playInto(into, trace.functions[index]!),
});

export interface AnalysisOptions extends KeepAliveOptions {
  /** Of a function's reuse intervals: semi-warm begins after it. */
  percentile: number;
}

export const referenceAnalysis: AnalysisOptions = { ...referenceKeepAlive, percentile: 99 };

type SemiWarm = Documents["semiwarm"];

/** One load class of an analysis, with what tables show besides. */
export type ClassAnalysis = SemiWarm["classes"][number] & {
  medianDelayS: number | null;
  medianLifetimeS: number | null;
  medianSemiWarmShare: number | null;
};

interface Sums {
  functions: number;
  invocations: number;
  containers: number;
  delays: Distribution;
  shares: Distribution;
  lifetimes: Distribution;
}

/** Between two looks at the signal, so that Ctrl-C and progress work meanwhile. */
const TURN_MS = 50;

/**
 * Plays every function of a trace against containers and sums up by load class. Memory does not grow with the trace.
 *
 * @param onProgress gets the number of functions done
 * @throws the signal's reason when it aborts
 */
export async function analyse(
  source: FunctionSource,
  options: AnalysisOptions = referenceAnalysis,
  onProgress?: (done: number, of: number) => void,
  signal?: AbortSignal,
): Promise<ClassAnalysis[]> {
  const sums = new Map<LoadClass, Sums>();
  for (const load of loadClasses) {
    sums.set(load, {
      ...{ functions: 0, invocations: 0, containers: 0 },
      ...{ delays: seconds(), shares: shares(), lifetimes: seconds() },
    });
  }
  const played = new KeepAlive(options);
  let turn = performance.now();
  for (let i = 0; i < source.functions; i++) {
    played.reset();
    source.play(i, played);
    if (played.arrivals > 0)
      addFunction(sums.get(loadClassOf(played.arrivals, source.spanS))!, played, options);
    if (performance.now() - turn < TURN_MS) continue;
    onProgress?.(i + 1, source.functions);
    await Bun.sleep(0);
    signal?.throwIfAborted();
    turn = performance.now();
  }
  onProgress?.(source.functions, source.functions);
  return loadClasses.map((load) => summaryOf(load, sums.get(load)!));
}

function addFunction(into: Sums, played: KeepAlive, { percentile }: AnalysisOptions): void {
  const delayS = played.delayS(percentile);
  into.functions++;
  into.invocations += played.arrivals;
  into.containers += played.containers;
  into.delays.add(delayS);
  played.forEachContainer(delayS, (lifetime, share) => {
    into.lifetimes.add(lifetime);
    into.shares.add(share);
  });
}

function summaryOf(load: LoadClass, sum: Sums): ClassAnalysis {
  const semiWarmShare = sum.shares.points();
  const lifetimeS = sum.lifetimes.points();
  return {
    load,
    functions: sum.functions,
    invocations: sum.invocations,
    containers: sum.containers,
    coldStartRatio: sum.invocations > 0 ? sum.containers / sum.invocations : 0,
    semiWarmShare,
    lifetimeS,
    medianDelayS: quantileOfPoints(sum.delays.points(), 0.5),
    medianLifetimeS: quantileOfPoints(lifetimeS, 0.5),
    medianSemiWarmShare: quantileOfPoints(semiWarmShare, 0.5),
  };
}

/** What the experiment `semiwarm` stores of a trace (reference, section 5). Parameters and errors as `analyse`. */
export async function semiwarmDocument(
  of: Trace | FunctionSource,
  options: Partial<AnalysisOptions> = {},
  onProgress?: (done: number, of: number) => void,
  signal?: AbortSignal,
): Promise<SemiWarm> {
  const all = { ...referenceAnalysis, ...options };
  const source = "play" in of ? of : sourceOf(of);
  const classes = await analyse(source, all, onProgress, signal);
  return {
    keepAliveS: all.keepAliveS,
    percentile: all.percentile,
    classes: classes.map(
      ({ medianDelayS: _, medianLifetimeS: __, medianSemiWarmShare: ___, ...stored }) => stored,
    ),
  };
}
