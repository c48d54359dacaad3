import { quantile } from "../base/quantile.ts";
import type { Documents } from "../results/documents.ts";
import { type FunctionAnalysis, type LoadClass, loadClasses } from "../trace/analysis.ts";
import { drawFigure } from "./draw/figure.ts";
import { writeWhole } from "./export/atomic.ts";
import { svgFile } from "./export/svg.ts";
import { semiwarmFigure } from "./figures/semiwarm.ts";
import { formatTable } from "./table.ts";

const POINTS = 200;

/** Containers of one load class, over all its functions. */
export interface ClassStats {
  load: LoadClass;
  functions: number;
  invocations: number;
  containers: number;
  coldStartRatio: number;
  medianDelayS: number | null;
  medianLifetimeS: number | null;
  medianSemiWarmShare: number | null;
}

export function statsOf(analyses: readonly FunctionAnalysis[]): ClassStats[] {
  return loadClasses.map((load) => {
    const ours = analyses.filter((one) => one.load === load);
    const sum = (of: (one: FunctionAnalysis) => number) => ours.reduce((total, one) => total + of(one), 0);
    const invocations = sum((one) => one.invocations);
    return {
      load,
      functions: ours.length,
      invocations,
      containers: sum((one) => one.lifetimes.length),
      coldStartRatio: invocations > 0 ? sum((one) => one.coldStartRatio * one.invocations) / invocations : 0,
      medianDelayS:
        quantile(
          ours.map((one) => one.delayS),
          0.5,
        ) ?? null,
      medianLifetimeS:
        quantile(
          ours.flatMap((one) => [...one.lifetimes]),
          0.5,
        ) ?? null,
      medianSemiWarmShare:
        quantile(
          ours.flatMap((one) => [...one.semiWarmShares]),
          0.5,
        ) ?? null,
    };
  });
}

export function statsTable(stats: readonly ClassStats[]): string {
  const shown = (value: number | null, digits = 0) => (value === null ? "-" : value.toFixed(digits));
  const percent = (value: number | null) => (value === null ? "-" : `${(value * 100).toFixed(1)} %`);
  return formatTable(
    [
      "load",
      "functions",
      "invocations",
      "containers",
      "cold",
      "semi-warm after s",
      "lifetime s",
      "semi-warm",
    ],
    stats.map((row) => [
      row.load,
      String(row.functions),
      String(row.invocations),
      String(row.containers),
      percent(row.coldStartRatio),
      shown(row.medianDelayS),
      shown(row.medianLifetimeS),
      percent(row.medianSemiWarmShare),
    ]),
  );
}

/** Points of an empirical distribution function, few enough to draw. */
function cdf(values: number[]): { value: number; share: number }[] {
  const sorted = values.toSorted((a, b) => a - b);
  const points = Math.min(POINTS, sorted.length);
  return Array.from({ length: points }, (_, i) => {
    const share = (i + 1) / points;
    return { value: sorted[Math.ceil(share * sorted.length) - 1]!, share };
  });
}

/** The trace as the semi-warm experiment's document has it. */
function documentOf(
  analyses: readonly FunctionAnalysis[],
  options: TraceFigureOptions,
): Documents["semiwarm"] {
  const classes = statsOf(analyses).map(({ load, functions, invocations, containers, coldStartRatio }) => {
    const own = analyses.filter((one) => one.load === load);
    const curve = (of: (one: FunctionAnalysis) => Float64Array) =>
      cdf(own.flatMap((one) => [...of(one)])).map(({ value, share }): [number, number] => [value, share]);
    return {
      ...{ load, functions, invocations, containers, coldStartRatio },
      semiWarmShare: curve((one) => one.semiWarmShares),
      lifetimeS: curve((one) => one.lifetimes),
    };
  });
  return { keepAliveS: options.keepAliveS, percentile: options.percentile, classes };
}

export interface TraceFigureOptions {
  trace: string;
  keepAliveS: number;
  percentile: number;
}

/** Writes the two distributions of the paper's semi-warm experiment; a reader never sees half of it. Returns its path. */
export async function writeTraceFigure(
  analyses: readonly FunctionAnalysis[],
  options: TraceFigureOptions,
  path: string,
): Promise<string> {
  const found = documentOf(analyses, options);
  const figure = semiwarmFigure(found, "trace", `Containers of trace ${options.trace}`, []);
  return writeWhole(path, await svgFile(await drawFigure(figure)));
}
