import { renameSync, writeFileSync } from "node:fs";
import { quantile } from "../base/quantile.ts";
import { type FunctionAnalysis, type LoadClass, loadClasses } from "../trace/analysis.ts";
import { formatTable } from "./table.ts";

const COLOURS: Record<LoadClass, string> = { high: "#D55E00", middle: "#0072B2", low: "#009E73" };
const DASHES: Record<LoadClass, string> = { high: "none", middle: "6 3", low: "2 2" };
const WIDTH = 640;
const HEIGHT = 230;
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

/** The two distributions of the paper's semi-warm experiment: semi-warm share of a container's life, and its lifetime. */
export async function traceFigure(analyses: readonly FunctionAnalysis[]): Promise<string> {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<html><body></body></html>");
  const loads = loadClasses.filter((load) => analyses.some((one) => one.load === load));
  const curves = (of: (one: FunctionAnalysis) => Float64Array, unit: number) =>
    loads.flatMap((load) =>
      cdf(analyses.filter((one) => one.load === load).flatMap((one) => [...of(one)])).map((point) => ({
        ...point,
        value: point.value * unit,
        load,
      })),
    );
  const panel = (rows: ReturnType<typeof curves>, x: object, top: number) => {
    const svg = Plot.plot({
      width: WIDTH,
      height: HEIGHT,
      marginLeft: 56,
      marginRight: 20,
      marginBottom: 38,
      x: { labelAnchor: "center", grid: true, ...x },
      y: { label: "share of containers", labelAnchor: "center", domain: [0, 1], grid: true },
      marks: loads.map((load) =>
        Plot.line(
          rows.filter((row) => row.load === load),
          {
            x: "value",
            y: "share",
            stroke: COLOURS[load],
            strokeDasharray: DASHES[load],
            strokeWidth: 1.8,
            curve: "step-after",
          },
        ),
      ),
      document: document as never,
    });
    svg.setAttribute("y", String(top));
    svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    return svg.outerHTML;
  };
  const height = 34 + HEIGHT * 2 + 10;
  const legend = loads
    .map(
      (load, i) =>
        `<line x1="${56 + i * 110}" x2="${84 + i * 110}" y1="14" y2="14" stroke="${COLOURS[load]}" stroke-width="2" stroke-dasharray="${DASHES[load]}"/><text x="${90 + i * 110}" y="18">${load} load</text>`,
    )
    .join("");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="Helvetica, Arial, sans-serif" font-size="12">`,
    "<title>Semi-warm share of the containers' lives, and their lifetimes, by load class</title>",
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    legend,
    panel(
      curves((one) => one.semiWarmShares, 100),
      { label: "semi-warm part of a container's life, %", domain: [0, 100] },
      34,
    ),
    panel(
      curves((one) => one.lifetimes, 1 / 60),
      { label: "lifetime of a container, min", type: "log", tickFormat: ",~g" },
      44 + HEIGHT,
    ),
    "</svg>\n",
  ].join("\n");
}

/** Writes the figure; a reader never sees half of it. Returns its path. */
export async function writeTraceFigure(analyses: readonly FunctionAnalysis[], path: string): Promise<string> {
  const svg = await traceFigure(analyses);
  writeFileSync(`${path}.tmp`, svg);
  renameSync(`${path}.tmp`, path);
  return path;
}
