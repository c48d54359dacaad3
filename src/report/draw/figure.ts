import type { PlotOptions } from "@observablehq/plot";
import { typeface } from "../font/source-sans.ts";
import { type Element, flatten } from "./flatten.ts";
import { type LegendEntry, legend } from "./legend.ts";
import { type PlotModule, plotModule } from "./plot.ts";
import { type Item, moved, type Scene, text } from "./scene.ts";
import { COLUMN, MUTED, SIDE, TEXT_SIZE, TITLE_SIZE } from "./style.ts";
import { wrap } from "./words.ts";

/** One pair of axes of a figure. */
export interface Panel {
  title?: string;
  /** Points, axes included. */
  height: number;
  /** What Plot draws; margins and the look of the axes have defaults. */
  plot: (Plot: PlotModule) => PlotOptions;
}

/** A figure before it is drawn. */
export interface Figure {
  /** As files are named: letters, digits and dashes. */
  name: string;
  title: string;
  description: string;
  legend: LegendEntry[];
  panels: Panel[];
  /** Points; default: a column of a paper. */
  width?: number;
  /** Below the figure: mode, time scale, how windows were chosen, what whiskers mean. */
  notes: string[];
}

const MARGINS = { marginLeft: 36, marginRight: 6, marginTop: 5, marginBottom: 23 };
const LINE = 8.6;

/** Axes of all figures: short ticks, no arrows, labels in the middle. */
const axis = { tickSize: 2.5, tickPadding: 2, labelArrow: "none", labelAnchor: "center" } as const;

/** Draws a figure. */
export async function drawFigure(figure: Figure): Promise<Scene> {
  const { width = COLUMN } = figure;
  const Plot = await plotModule();
  const [{ parseHTML }, { regular, bold }] = await Promise.all([import("linkedom"), typeface()]);
  const { document } = parseHTML("<html><body></body></html>");
  const inner = width - 2 * SIDE;
  const items: Item[] = [];
  let y = 3;
  const write = (content: string, size: number, heavy: boolean, fill?: string) => {
    for (const line of wrap(heavy ? bold : regular, content, size, inner)) {
      items.push(text(SIDE, y + size, line, { size, bold: heavy, ...(fill ? { fill } : {}) }));
      y += (LINE * size) / TEXT_SIZE;
    }
  };
  write(figure.title, TITLE_SIZE, true);
  y += 2;
  const key = legend(figure.legend, width, y, regular);
  items.push(...key.items);
  y += key.height + 2;
  for (const panel of figure.panels) {
    if (panel.title) {
      y += 2;
      write(panel.title, TEXT_SIZE, true);
    }
    const { x, y: yScale, fx, ...options } = panel.plot(Plot);
    const svg = Plot.plot({
      ...MARGINS,
      ...options,
      x: { ...axis, ...x },
      y: { ...axis, ticks: 5, ...yScale },
      ...(fx ? { fx: { ...axis, ...fx } } : {}),
      width,
      height: panel.height,
      document: document as never,
    });
    items.push(...moved(flatten(svg as unknown as Element), 0, y));
    y += panel.height + 2;
  }
  for (const note of figure.notes) write(note, TEXT_SIZE, false, MUTED);
  return { width, height: Math.ceil(y + 4), title: figure.title, description: figure.description, items };
}
