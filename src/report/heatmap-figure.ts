import { renameSync, writeFileSync } from "node:fs";
import type { Heatmap } from "../heatmap/heatmap.ts";
import type { CellRecord } from "../results/store.ts";

const WIDTH = 640;
const HEIGHT = 220;
const TITLE = 24;
const MARGIN = { left: 56, right: 16, top: 6, bottom: 38 };
const MIB_PAGES = 256;
/** Light (away) to dark (local), one hue: readable with any colour vision and in grey. */
const COLOURS = ["#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"];

/** Pages of one sandbox of each cell over time, one panel below the other; requests as marks. */
export async function heatmapFigure(records: readonly CellRecord[]): Promise<string> {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<html><body></body></html>");
  const drawn = records.filter((record) => record.heatmap);
  const panels = drawn.map(({ cell, heatmap, requests }, place) => {
    const { cells, seconds, mib } = rectangles(heatmap!);
    const [from, to] = [heatmap!.atS[0]!, heatmap!.atS[0]! + seconds];
    const svg = Plot.plot({
      width: WIDTH,
      height: HEIGHT,
      marginLeft: MARGIN.left,
      marginRight: MARGIN.right,
      marginTop: MARGIN.top,
      marginBottom: MARGIN.bottom,
      x: { label: "trace time, s", labelAnchor: "center", domain: [from, to] },
      y: { label: "memory ever used, MiB", labelAnchor: "center", domain: [0, mib] },
      color: { domain: [0, 1], range: COLOURS, interpolate: "rgb", type: "linear" },
      marks: [
        Plot.rect(cells, { x1: "x1", x2: "x2", y1: "y1", y2: "y2", fill: "share", inset: -0.2 }),
        Plot.tickX(
          requests.filter(({ atS }) => atS >= from && atS <= to),
          { x: "atS", stroke: "#D55E00", strokeWidth: 1, strokeOpacity: 0.8 },
        ),
      ],
      document: document as never,
    });
    const top = 30 + place * (HEIGHT + TITLE);
    svg.setAttribute("y", String(top + TITLE));
    svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    return `<text x="${MARGIN.left}" y="${top + 16}" font-weight="bold">${cell.function} under ${cell.system.replace(/[<&]/g, "_")}</text>${svg.outerHTML}`;
  });
  const height = 30 + drawn.length * (HEIGHT + TITLE);
  const scale = COLOURS.map(
    (colour, i) =>
      `<rect x="${MARGIN.left + 34 + i * 16}" y="8" width="16" height="12" fill="${colour}" stroke="#999"/>`,
  );
  const after = MARGIN.left + 42 + COLOURS.length * 16;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="Helvetica, Arial, sans-serif" font-size="12">`,
    "<title>Which pages of a sandbox are in local memory, over time</title>",
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="18">away</text>${scale.join("")}<text x="${after}" y="18">local</text>`,
    `<rect x="${after + 50}" y="6" width="2" height="16" fill="#D55E00"/><text x="${after + 58}" y="18">request</text>`,
    ...panels,
    "</svg>\n",
  ].join("\n");
}

/** A rectangle for each column and row; neighbours in time with the same share are one. */
function rectangles({ atS, rowPages, local }: Heatmap) {
  const step = atS.length > 1 ? (atS.at(-1)! - atS[0]!) / (atS.length - 1) : 1;
  const end = atS.at(-1)! + step;
  const cells: { x1: number; x2: number; y1: number; y2: number; share: number }[] = [];
  let y1 = 0;
  rowPages.forEach((pages, row) => {
    const y2 = y1 + pages / MIB_PAGES;
    let begin = 0;
    for (let column = 1; column <= atS.length; column++) {
      const share = local[begin]![row]!;
      if (column < atS.length && local[column]![row] === share) continue;
      cells.push({ x1: atS[begin]!, x2: atS[column] ?? end, y1, y2, share });
      begin = column;
    }
    y1 = y2;
  });
  return { cells, seconds: end - atS[0]!, mib: y1 };
}

/** Writes the figure; a reader never sees half of it. Returns its path. */
export async function writeHeatmapFigure(records: readonly CellRecord[], path: string): Promise<string> {
  const svg = await heatmapFigure(records);
  writeFileSync(`${path}.tmp`, svg);
  renameSync(`${path}.tmp`, path);
  return path;
}
