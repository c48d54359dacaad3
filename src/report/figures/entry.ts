import type { RunOutline } from "../../results/store.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Table } from "../data/table.ts";
import type { Figure } from "../draw/figure.ts";

/** What a name of `faasmem plot` stands for. */
export interface FigureEntry {
  name: string;
  /** One line for lists. */
  summary: string;
  /** Experiments whose runs have it; undefined: any may. */
  experiments?: readonly string[];
  /** The command that makes what it needs. */
  command: string;
  /** Can this run be drawn so? */
  suits: (run: RunOutline) => boolean;
  draw: (dataset: Dataset) => Drawing;
}

/** Figures, and the numbers behind them as tables. */
export interface Drawing {
  figures: Figure[];
  tables: Table[];
}

/** Words that file names may be made of. */
export const slug = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60) || "x";

/** Runs with cells. */
export const hasCells = ({ cells }: RunOutline): boolean => cells.length > 0;
