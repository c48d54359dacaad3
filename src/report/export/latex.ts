import { isNumeric, shownValue, type Table } from "../data/table.ts";

const SPECIAL: Record<string, string> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "±": "$\\pm$",
  "×": "$\\times$",
  "−": "$-$",
  "–": "--",
  "…": "\\dots{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  '"': "\\textquotedbl{}",
};

/** A text that LaTeX prints as it stands. */
export const escapeLatex = (content: string): string =>
  content
    .replace(/\s+/g, " ")
    .replace(/[\\~^±×−–…<>|"]|[#$%&_{}]/g, (character) => SPECIAL[character] ?? `\\${character}`);

/** Tables of more columns stand over both columns of the paper. */
const WIDE = 5;

/** A table for LaTeX with the package booktabs; needs \usepackage[T1]{fontenc}. Notes are its caption's second part. */
export function latexTable(table: Table): string {
  const line = (cells: readonly string[]) => `  ${cells.join(" & ")} \\\\`;
  const environment = table.columns.length > WIDE ? "table*" : "table";
  return [
    "% \\usepackage{booktabs} \\usepackage[T1]{fontenc}",
    `\\begin{${environment}}`,
    "  \\centering\\small",
    `  \\caption{${escapeLatex(table.title)}. ${table.notes.map(escapeLatex).join(" ")}}`,
    `  \\label{tab:${table.name}}`,
    `  \\begin{tabular}{${table.columns.map((_, i) => (isNumeric(table, i) ? "r" : "l")).join("")}}`,
    "  \\toprule",
    line(table.columns.map(({ label }) => escapeLatex(label))),
    "  \\midrule",
    ...table.rows.map((row) =>
      line(row.map((value, i) => escapeLatex(shownValue(value, table.columns[i]!)))),
    ),
    "  \\bottomrule",
    "  \\end{tabular}",
    `\\end{${environment}}`,
    "",
  ].join("\n");
}
