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

/** Wider tables, in characters, stand over both columns of the paper. */
const COLUMN_CHARACTERS = 46;

/** A table for LaTeX with the package booktabs; needs \usepackage[T1]{fontenc}. Notes are its caption's second part. */
export function latexTable(table: Table): string {
  const line = (cells: readonly string[]) => `  ${cells.join(" & ")} \\\\`;
  const cells = [
    table.columns.map(({ label }) => label),
    ...table.rows.map((row) => row.map((value, i) => shownValue(value, table.columns[i]!))),
  ];
  const width = table.columns.reduce(
    (sum, _, i) => sum + 2 + Math.max(...cells.map((row) => row[i]!.length)),
    0,
  );
  const environment = width > COLUMN_CHARACTERS ? "table*" : "table";
  return [
    "% \\usepackage{booktabs} \\usepackage[T1]{fontenc}",
    `\\begin{${environment}}`,
    "  \\centering\\footnotesize\\setlength{\\tabcolsep}{3pt}",
    `  \\caption{${escapeLatex(table.title)}. ${table.notes.map(escapeLatex).join(" ")}}`,
    `  \\label{tab:${table.name}}`,
    `  \\begin{tabular}{${table.columns.map((_, i) => (isNumeric(table, i) ? "r" : "l")).join("")}}`,
    "  \\toprule",
    line(cells[0]!.map(escapeLatex)),
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
