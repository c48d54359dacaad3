import type { Table, Value } from "../data/table.ts";

/**
 * A table as RFC 4180 has it, numbers in full: a mean and half of its 95 % interval are two columns. The last column repeats
 * what stands below the table elsewhere, because a comment line would trouble most readers.
 */
export function csvTable(table: Table): string {
  const withHalf = table.columns.map((_, i) => table.rows.some((row) => halfOf(row[i] ?? null) !== null));
  const header = table.columns.flatMap(({ label }, i) => (withHalf[i] ? [label, `${label} ±95 %`] : [label]));
  const note = table.notes.join(" ");
  const lines = table.rows.map((row) => [
    ...row.flatMap((value, i) => (withHalf[i] ? [number(value), number(halfOf(value))] : [number(value)])),
    note,
  ]);
  return [[...header, "note"], ...lines].map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("");
}

const halfOf = (value: Value) => (typeof value === "object" && value !== null ? value.half : null);

function number(value: Value): string {
  if (value === null) return "";
  return typeof value === "object" ? String(value.mean) : String(value);
}

/** Spreadsheets take a text that begins like a formula for one: it gets an apostrophe. */
function quoted(cell: string): string {
  const safe = /^[=+\-@\t\r]/.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
