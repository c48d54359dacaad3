import type { Heatmap } from "../../heatmap/heatmap.ts";
import { type Dataset, type Row, unique, windowsOf } from "../data/dataset.ts";
import { notesOf } from "../data/provenance.ts";
import type { Figure, Panel } from "../draw/figure.ts";
import { LIMIT, MUTED } from "../draw/style.ts";
import { type FigureEntry, slug } from "./entry.ts";
import { timeUnit } from "./over-time.ts";

const MIB_PAGES = 256;
/** Light (away) to dark (local), one hue: readable with any colour vision and in grey. */
const COLOURS = ["#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"];
/** Shares are drawn in so many steps, so that neighbours that look the same are one rectangle. */
const STEPS = 16;
const ROWS = 60;
const COLUMNS = 180;

/** Pages of one sandbox of each cell over time: a figure for each function, panels one below the other, requests as marks. */
function heatmapFigures(dataset: Dataset): Figure[] {
  const drawn = dataset.rows.filter((row) => row.heatmap && row.heatmap.atS.length > 0);
  const functions = unique(drawn.map(({ cell }) => cell.function));
  return functions.map((fn) => ({
    name: `heatmap-${slug(fn)}`,
    title: `Pages of a sandbox of ${fn} in local memory`,
    description: `Which pages of a sandbox of ${fn} are in local memory, over time, for each system.`,
    legend: [
      { label: "away to local", kind: "scale", colour: MUTED, colours: COLOURS },
      { label: "request", kind: "line", colour: LIMIT, dash: "none" },
    ],
    panels: drawn
      .filter(({ cell }) => cell.function === fn)
      .map((row) => panelOf(row.heatmap!, panelTitle(dataset, row), row.requests)),
    notes: notesOf(dataset, { spread: "" }),
  }));
}

/** The system, with window and repeat where there are several. */
function panelTitle(dataset: Dataset, { series, cell }: Row): string {
  const window = windowsOf(dataset).length > 1 ? `, ${cell.window}` : "";
  return `${series}${window}${cell.repeat > 0 ? `, repeat ${cell.repeat + 1}` : ""}`;
}

function panelOf(heatmap: Heatmap, title: string, requests: readonly { atS: number }[]): Panel {
  const { cells, from, to, mib } = rectangles(heatmap);
  const unit = timeUnit(to - from);
  const marks = requests
    .filter(({ atS }) => atS >= from && atS <= to)
    .map(({ atS }) => ({ x: atS / unit.seconds }));
  const height = 125;
  return {
    title,
    height,
    plot: (Plot) => ({
      marginTop: 10,
      x: { label: unit.label, domain: [from / unit.seconds, to / unit.seconds], ticks: 6 },
      y: { label: "memory ever used, MiB", domain: [0, mib] },
      color: { domain: [0, 1], range: COLOURS, interpolate: "rgb", type: "linear" },
      marks: [
        Plot.rect(cells, {
          x1: (cell) => cell.x1 / unit.seconds,
          x2: (cell) => cell.x2 / unit.seconds,
          ...{ y1: "y1", y2: "y2", fill: "share", inset: -0.1 },
        }),
        Plot.tickX(marks, {
          x: "x",
          stroke: LIMIT,
          strokeWidth: 0.8,
          insetTop: -7,
          insetBottom: height - 34,
        }),
      ],
    }),
  };
}

/** Neighbours put together until there are no more than `count`; the place of each group's first. */
const groups = (length: number, count: number): number[][] => {
  const size = Math.max(1, Math.ceil(length / count));
  return Array.from({ length: Math.ceil(length / size) }, (_, i) =>
    Array.from({ length: Math.min(size, length - i * size) }, (_, k) => i * size + k),
  );
};

/** A rectangle for each column and row; neighbours in time with the same share are one. Seconds, MiB, shares 0 to 1. */
function rectangles({ atS, rowPages, local }: Heatmap) {
  const step = atS.length > 1 ? (atS.at(-1)! - atS[0]!) / (atS.length - 1) : 1;
  const end = atS.at(-1)! + step;
  const columns = groups(atS.length, COLUMNS);
  const cells: { x1: number; x2: number; y1: number; y2: number; share: number }[] = [];
  let y1 = 0;
  for (const rows of groups(rowPages.length, ROWS)) {
    const pages = rows.reduce((sum, row) => sum + rowPages[row]!, 0);
    const shares = columns.map((group) => {
      const sum = group.reduce(
        (total, column) =>
          total + rows.reduce((part, row) => part + local[column]![row]! * rowPages[row]!, 0),
        0,
      );
      return Math.round((sum / group.length / pages) * STEPS) / STEPS;
    });
    const y2 = y1 + pages / MIB_PAGES;
    let begin = 0;
    for (let column = 1; column <= columns.length; column++) {
      if (column < columns.length && shares[column] === shares[begin]) continue;
      const x2 = columns[column] ? atS[columns[column]![0]!]! : end;
      cells.push({ x1: atS[columns[begin]![0]!]!, x2, y1, y2, share: shares[begin]! });
      begin = column;
    }
    y1 = y2;
  }
  return { cells, from: atS[0]!, to: end, mib: y1 };
}

/** Share of local pages of each cell's sandbox, for tables. */
const averageShare = ({ rowPages, local }: Heatmap): number => {
  const pages = rowPages.reduce((sum, count) => sum + count, 0);
  const sums = local.map(
    (column) => column.reduce((sum, share, row) => sum + share * rowPages[row]!, 0) / pages,
  );
  return sums.reduce((sum, share) => sum + share, 0) / sums.length;
};

/** Pages over time. */
export const heatmapEntry: FigureEntry = {
  name: "heatmap",
  summary: "which pages of a sandbox are local over time: of any run made with --heatmap",
  command: "faasmem experiment run quick --heatmap",
  suits: ({ heatmaps }) => heatmaps,
  draw: (dataset) => ({
    figures: heatmapFigures(dataset),
    tables: [
      {
        name: "heatmap",
        title: "Share of a sandbox's pages that is local, over its life",
        columns: [
          ...[{ label: "function" }, { label: "system" }, { label: "window" }],
          { label: "memory ever used MiB", digits: 1 },
          { label: "local", digits: 1, percent: true },
        ],
        rows: dataset.rows.flatMap(({ cell, series, heatmap }) =>
          heatmap && heatmap.atS.length > 0
            ? [
                [
                  ...[cell.function, series, cell.window],
                  ...[
                    heatmap.rowPages.reduce((sum, count) => sum + count, 0) / MIB_PAGES,
                    averageShare(heatmap),
                  ],
                ],
              ]
            : [],
        ),
        notes: notesOf(dataset, { spread: "" }),
      },
    ],
  }),
};
