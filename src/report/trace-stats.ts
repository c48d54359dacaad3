import type { ClassAnalysis } from "../trace/analysis.ts";
import { drawFigure } from "./draw/figure.ts";
import { writeWhole } from "./export/atomic.ts";
import { svgFile } from "./export/svg.ts";
import { semiwarmFigure } from "./figures/semiwarm.ts";
import { formatTable } from "./table.ts";

export function statsTable(stats: readonly ClassAnalysis[]): string {
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

export interface TraceFigureOptions {
  trace: string;
  keepAliveS: number;
  percentile: number;
}

/** Writes the two distributions of the paper's semi-warm experiment; a reader never sees half of it. Returns its path. */
export async function writeTraceFigure(
  classes: readonly ClassAnalysis[],
  options: TraceFigureOptions,
  path: string,
): Promise<string> {
  const { keepAliveS, percentile } = options;
  const found = { keepAliveS, percentile, classes: classes.filter((one) => one.containers > 0) };
  const figure = semiwarmFigure(found, "trace", `Containers of trace ${options.trace}`, []);
  return writeWhole(path, await svgFile(await drawFigure(figure)));
}
