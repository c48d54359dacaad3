import { INK, TEXT_SIZE } from "./style.ts";

/** A drawing in absolute coordinates, in points (1/72 in), y downwards: what every exporter reads. */
export interface Scene {
  width: number;
  height: number;
  title: string;
  /** One sentence for readers who cannot see it. */
  description: string;
  items: Item[];
}

/** What shapes and texts have in common. */
interface Painted {
  fill: string | null;
  /** 0 to 1. */
  opacity: number;
}

export interface Shape extends Painted {
  kind: "path" | "rect";
  /** `rect`: place and size. `path`: place of the path's origin, sizes 0. */
  x: number;
  y: number;
  width: number;
  height: number;
  /** Path data of M, L, C, Q and Z only, absolute. */
  d: string;
  stroke: string | null;
  strokeWidth: number;
  dash: number[];
}

export interface Text extends Painted {
  kind: "text";
  text: string;
  /** The base line's start, middle or end, by `anchor`. */
  x: number;
  y: number;
  /** Points. */
  size: number;
  bold: boolean;
  anchor: "start" | "middle" | "end";
  /** Degrees, clockwise, around (x, y). */
  angle: number;
}

export type Item = Shape | Text;

export const text = (x: number, y: number, content: string, more: Partial<Text> = {}): Text => ({
  ...{
    kind: "text",
    text: content,
    x,
    y,
    size: TEXT_SIZE,
    bold: false,
    anchor: "start",
    angle: 0,
    fill: INK,
    opacity: 1,
  },
  ...more,
});

export const rect = (
  x: number,
  y: number,
  width: number,
  height: number,
  more: Partial<Shape> = {},
): Shape => ({
  ...{
    kind: "rect",
    x,
    y,
    width,
    height,
    d: "",
    stroke: null,
    strokeWidth: 1,
    dash: [],
    fill: null,
    opacity: 1,
  },
  ...more,
});

export const path = (x: number, y: number, d: string, more: Partial<Shape> = {}): Shape => ({
  ...rect(x, y, 0, 0, more),
  kind: "path",
  d,
});

/** The same things elsewhere. */
export const moved = (items: readonly Item[], dx: number, dy: number): Item[] =>
  items.map((item) => ({ ...item, x: item.x + dx, y: item.y + dy }));

/** Two decimals: a seventh of a thousandth of an inch; equal on every machine. */
export const short = (value: number): string => String(Math.round(value * 100) / 100 + 0);
