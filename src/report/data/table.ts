import type { Estimate } from "./estimate.ts";

export type Value = string | number | Estimate | null;

export interface Column {
  label: string;
  /** Decimals of numbers. */
  digits?: number;
  /** How a number is shown: a share as percent. */
  percent?: boolean;
}

/** A table before it is written. Every row has as many values as there are columns. */
export interface Table {
  /** As files are named. */
  name: string;
  title: string;
  columns: readonly Column[];
  rows: readonly (readonly Value[])[];
  notes: readonly string[];
}

/** A value as people read it; "-" for none. A confidence interval follows its mean. */
export function shownValue(value: Value, { digits = 1, percent }: Column): string {
  if (value === null) return "-";
  if (typeof value === "string") return value;
  const text = (number: number) => (number * (percent ? 100 : 1)).toFixed(digits);
  const unit = percent ? " %" : "";
  if (typeof value === "number") return text(value) + unit;
  return `${text(value.mean)}${value.half === null ? "" : ` ± ${text(value.half)}`}${unit}`;
}

/** Columns of numbers stand to the right. */
export const isNumeric = (table: Table, column: number): boolean =>
  table.rows.length > 0 && table.rows.every((row) => typeof row[column] !== "string");
