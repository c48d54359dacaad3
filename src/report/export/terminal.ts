import { shownValue, type Table } from "../data/table.ts";
import { formatTable } from "../table.ts";

/** A table for the terminal: title, aligned columns, notes. */
export function terminalTable(table: Table): string {
  const rows = table.rows.map((row) => row.map((value, i) => shownValue(value, table.columns[i]!)));
  return [
    table.title,
    "",
    formatTable(
      table.columns.map(({ label }) => label),
      rows,
    ),
    "",
    ...table.notes,
  ].join("\n");
}
