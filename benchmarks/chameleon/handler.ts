import { createHash } from "node:crypto";
import { Eta } from "eta";
import { contextNumber } from "../context.ts";

const eta = new Eta();
const TABLE = `<table>
<% for (const row of it.rows) { %><tr>
<% for (const [name, value] of Object.entries(row)) { %><td><span class="column-<%= name %>"><%= value %></span></td>
<% } %></tr>
<% } %></table>
`;
const render = eta.compile(TABLE).bind(eta);

/** The table of the given size; its cells hold their column's number. */
export function renderTable(rows: number, columns: number): string {
  const row = Object.fromEntries(Array.from({ length: columns }, (_, i) => [String(i), i]));
  return render({ rows: Array.from({ length: rows }, () => row) });
}

export function handler(context: unknown): { bytes: number; digest: string } {
  const rows = contextNumber(context, "num_of_rows", { fallback: 100, most: 2000 });
  const columns = contextNumber(context, "num_of_cols", { fallback: 100, most: 2000 });
  const html = renderTable(rows, columns);
  return { bytes: html.length, digest: createHash("sha256").update(html).digest("hex") };
}
