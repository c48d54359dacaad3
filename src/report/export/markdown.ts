import { isNumeric, shownValue, type Table } from "../data/table.ts";

/** A text as one line of Markdown that means nothing but itself. */
export const escapeMarkdown = (content: string): string =>
  content.replace(/\s+/g, " ").replace(/[\\`*_{}[\]<>#|~]/g, (character) => `\\${character}`);

/** A table in GitHub's Markdown, with its title above and its notes below. */
export function markdownTable(table: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    `**${escapeMarkdown(table.title)}**`,
    "",
    line(table.columns.map(({ label }) => escapeMarkdown(label))),
    line(table.columns.map((_, i) => (isNumeric(table, i) ? "---:" : "---"))),
    ...table.rows.map((row) =>
      line(row.map((value, i) => escapeMarkdown(shownValue(value, table.columns[i]!)))),
    ),
    "",
    ...table.notes.map((note) => `${escapeMarkdown(note)}  `),
    "",
  ].join("\n");
}
