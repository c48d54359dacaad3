import { renameSync, writeFileSync } from "node:fs";
import type { CellRecord } from "../results/store.ts";

/** Okabe-Ito, readable with any colour vision. */
const COLOURS: Record<string, string> = { baseline: "#7f7f7f", faasmem: "#0072B2" };
const MORE_COLOURS = ["#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"];
const WIDTH = 640;
const BAR_HEIGHT = 190;
const LINE_HEIGHT = 120;
const MIB = 1024 ** 2;

/** Part of the figure: a title and what Plot draws. */
interface Panel {
  title: string;
  height: number;
  options: (Plot: typeof import("@observablehq/plot")) => import("@observablehq/plot").PlotOptions;
}

const colourOf = (systems: string[]) => (system: string) =>
  COLOURS[system] ??
  MORE_COLOURS[systems.filter((name) => !COLOURS[name]).indexOf(system) % MORE_COLOURS.length]!;

/** Values of a measure by function and system, divided by the same function's under baseline. */
function normalised(records: readonly CellRecord[], measure: (record: CellRecord) => number | null) {
  return records.flatMap((record) => {
    const base = records.find(
      (other) => other.cell.function === record.cell.function && other.cell.system === "baseline",
    );
    const [value, of] = [measure(record), base ? measure(base) : null];
    return value === null || !of
      ? []
      : [{ function: record.cell.function, system: record.cell.system, ratio: value / of }];
  });
}

function barPanel(
  title: string,
  label: string,
  records: readonly CellRecord[],
  measure: (r: CellRecord) => number | null,
  line?: number,
): Panel {
  const rows = normalised(records, measure);
  const systems = [...new Set(records.map((record) => record.cell.system))];
  const colour = colourOf(systems);
  const top = Math.max(1.15, ...rows.map((row) => row.ratio * 1.12));
  return {
    title,
    height: BAR_HEIGHT,
    options: (Plot) => ({
      marginLeft: 56,
      marginTop: 22,
      marginBottom: 30,
      x: { axis: null, domain: systems, padding: 0.1 },
      fx: {
        label: null,
        domain: [...new Set(rows.map((row) => row.function))],
        padding: 0.15,
        axis: "bottom",
      },
      y: { label, domain: [0, top], grid: true, ticks: 5 },
      marks: [
        Plot.barY(rows, { fx: "function", x: "system", y: "ratio", fill: (row) => colour(row.system) }),
        ...(line === undefined ? [] : [Plot.ruleY([line], { stroke: "#D55E00", strokeDasharray: "4 3" })]),
        Plot.text(rows, {
          fx: "function",
          x: "system",
          y: "ratio",
          text: (row) => `${Math.round(row.ratio * 100)} %`,
          dy: -8,
          fontSize: 11,
          fill: "black",
          stroke: "white",
          strokeWidth: 5,
        }),
        Plot.ruleY([0]),
      ],
    }),
  };
}

function linePanel(name: string, records: readonly CellRecord[]): Panel {
  const own = records.filter((record) => record.cell.function === name);
  const colour = colourOf([...new Set(records.map((record) => record.cell.system))]);
  return {
    title: `${name}: local memory over trace time`,
    height: LINE_HEIGHT,
    options: (Plot) => ({
      marginLeft: 56,
      marginTop: 16,
      marginBottom: 32,
      x: { label: "seconds", labelAnchor: "right", ticks: 8 },
      y: { label: "MiB", grid: true, ticks: 4, zero: true },
      marks: [
        ...own.map((record) =>
          Plot.lineY(record.samples, {
            x: "atS",
            y: (sample) => sample.localBytes / MIB,
            stroke: colour(record.cell.system),
            strokeWidth: 1.5,
          }),
        ),
        Plot.ruleY([0]),
      ],
    }),
  };
}

function legend(systems: string[]): string {
  const colour = colourOf(systems);
  let x = 56;
  return systems
    .map((system) => {
      const part = `<rect x="${x}" y="8" width="12" height="12" fill="${colour(system)}"/><text x="${x + 17}" y="18">${system}</text>`;
      x += 40 + system.length * 7.5;
      return part;
    })
    .join("");
}

/**
 * Draws an experiment: local memory and P95 against baseline, and local memory over time for each function.
 * @returns the SVG's text
 */
export async function experimentFigure(records: readonly CellRecord[]): Promise<string> {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<html><body></body></html>");
  const panels = [
    barPanel(
      "Average local memory, baseline = 100 %",
      "of baseline",
      records,
      (record) => record.cell.avgLocalBytes,
    ),
    barPanel(
      "P95 latency without cold starts, baseline = 100 %; dashed: +10 %",
      "of baseline",
      records,
      (record) => record.cell.p95Ms,
      1.1,
    ),
    ...[...new Set(records.map((record) => record.cell.function))].map((name) => linePanel(name, records)),
  ];
  let y = 34;
  const parts = panels.map((panel) => {
    const svg = Plot.plot({
      ...panel.options(Plot),
      width: WIDTH,
      height: panel.height,
      document: document as never,
    });
    svg.setAttribute("y", String(y + 18));
    svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    const part = `<text x="12" y="${y + 14}" font-weight="600">${panel.title}</text>\n${svg.outerHTML}`;
    y += panel.height + 30;
    return part;
  });
  const systems = [...new Set(records.map((record) => record.cell.system))];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" font-family="Helvetica, Arial, sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${y}" fill="white"/>`,
    legend(systems),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

/** Writes the figure; a reader never sees half of it. Returns its path. */
export async function writeExperimentFigure(records: readonly CellRecord[], path: string): Promise<string> {
  const svg = await experimentFigure(records);
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, svg);
  renameSync(temporary, path);
  return path;
}
