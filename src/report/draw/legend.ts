import { type Font, textWidth } from "../font/font.ts";
import { circlePath } from "./path-data.ts";
import { type Item, path, rect, text } from "./scene.ts";
import { SIDE, type SymbolName, TEXT_SIZE } from "./style.ts";
import { clipped } from "./words.ts";

/** What a mark of the figure means. */
export interface LegendEntry {
  label: string;
  kind: "bar" | "line" | "dot" | "scale";
  colour: string;
  dash?: string;
  symbol?: SymbolName;
  /** `scale`: from light to dark. */
  colours?: readonly string[];
}

const ROW = 10;
const MARK = 12;
const GAP = 9;

/** The entries in as many rows as the width needs, from (SIDE, top) down. */
export function legend(
  entries: readonly LegendEntry[],
  width: number,
  top: number,
  font: Font,
): { items: Item[]; height: number } {
  const items: Item[] = [];
  let [x, y] = [SIDE, top];
  for (const entry of entries) {
    const mark =
      entry.kind === "scale" ? (entry.colours?.length ?? 0) * 7 : entry.kind === "line" ? 16 : MARK - 4;
    const label = clipped(font, entry.label, TEXT_SIZE, width - 2 * SIDE - mark - 3);
    const wide = mark + 3 + textWidth(font, label, TEXT_SIZE);
    if (x > SIDE && x + wide > width - SIDE) {
      x = SIDE;
      y += ROW;
    }
    items.push(...markOf(entry, x, y + ROW / 2));
    items.push(text(x + mark + 3, y + ROW / 2 + 2.4, label));
    x += wide + GAP;
  }
  return { items, height: entries.length > 0 ? y + ROW - top : 0 };
}

function markOf({ kind, colour, dash, symbol, colours }: LegendEntry, x: number, middle: number): Item[] {
  if (kind === "bar") return [rect(x, middle - 3.5, 8, 7, { fill: colour })];
  if (kind === "scale") {
    return (colours ?? []).map((one, i) =>
      rect(x + i * 7, middle - 3.5, 7, 7, { fill: one, stroke: colour, strokeWidth: 0.4 }),
    );
  }
  const dashes = dash === undefined || dash === "none" ? [] : dash.split(" ").map(Number);
  if (kind === "line") {
    return [path(x, middle, "M0 0L16 0", { stroke: colour, strokeWidth: 1.4, dash: dashes })];
  }
  return [symbolItem(symbol ?? "circle", x + 4, middle, colour)];
}

/** A symbol as Plot draws it with r = 2.6. */
function symbolItem(symbol: SymbolName, x: number, y: number, colour: string): Item {
  const filled = { fill: colour };
  const drawn = { stroke: colour, strokeWidth: 1.2 };
  switch (symbol) {
    case "circle":
      return path(x, y, circlePath(0, 0, 2.6), filled);
    case "square":
      return rect(x - 2.4, y - 2.4, 4.8, 4.8, filled);
    case "triangle":
      return path(x, y, "M0 -3.4L3 1.8L-3 1.8Z", filled);
    case "diamond":
      return path(x, y, "M0 -3.8L2.3 0L0 3.8L-2.3 0Z", filled);
    case "plus":
      return path(x, y, "M-3 0L3 0M0 -3L0 3", drawn);
    case "times":
      return path(x, y, "M-2.3 -2.3L2.3 2.3M-2.3 2.3L2.3 -2.3", drawn);
  }
}
