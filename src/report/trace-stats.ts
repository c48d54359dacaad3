import { renameSync, writeFileSync } from "node:fs";
import type { ClassAnalysis, LoadClass } from "../trace/analysis.ts";
import { formatTable } from "./table.ts";

const COLOURS: Record<LoadClass, string> = { high: "#D55E00", middle: "#0072B2", low: "#009E73" };
const DASHES: Record<LoadClass, string> = { high: "none", middle: "6 3", low: "2 2" };
const WIDTH = 640;
const HEIGHT = 230;

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

/** The two distributions of the paper's semi-warm experiment: semi-warm share of a container's life, and its lifetime. */
export async function traceFigure(classes: readonly ClassAnalysis[]): Promise<string> {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<html><body></body></html>");
  const drawn = classes.filter((one) => one.containers > 0);
  const loads = drawn.map(({ load }) => load);
  const curves = (of: (one: ClassAnalysis) => [number, number][], unit: number) =>
    drawn.flatMap((one) => of(one).map(([value, share]) => ({ value: value * unit, share, load: one.load })));
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
      curves((one) => one.semiWarmShare, 100),
      { label: "semi-warm part of a container's life, %", domain: [0, 100] },
      34,
    ),
    panel(
      curves((one) => one.lifetimeS, 1 / 60),
      { label: "lifetime of a container, min", type: "log", tickFormat: ",~g" },
      44 + HEIGHT,
    ),
    "</svg>\n",
  ].join("\n");
}

/** Writes the figure; a reader never sees half of it. Returns its path. */
export async function writeTraceFigure(classes: readonly ClassAnalysis[], path: string): Promise<string> {
  const svg = await traceFigure(classes);
  writeFileSync(`${path}.tmp`, svg);
  renameSync(`${path}.tmp`, path);
  return path;
}
