import { join } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import type { Table } from "../data/table.ts";
import { drawFigure, type Figure } from "../draw/figure.ts";
import type { Drawing } from "../figures/entry.ts";
import { writeWhole } from "./atomic.ts";
import { csvTable } from "./csv.ts";
import { latexTable } from "./latex.ts";
import { markdownTable } from "./markdown.ts";

/** Figures, then tables. */
export const formats = ["svg", "pdf", "png", "md", "csv", "tex"] as const;
export type Format = (typeof formats)[number];

const TABLES: Partial<Record<Format, (table: Table) => string>> = {
  md: markdownTable,
  csv: csvTable,
  tex: latexTable,
};

/** Writes figures and tables in each of the formats. @returns paths of the files */
export async function writeDrawing(
  { figures, tables }: Drawing,
  dataset: Dataset,
  wanted: readonly Format[],
  folder: string,
): Promise<string[]> {
  const written: string[] = [];
  for (const format of wanted) {
    const table = TABLES[format];
    for (const one of table ? tables : []) {
      written.push(writeWhole(join(folder, `faasmem-${one.name}.${format}`), table!(one)));
    }
    for (const one of table ? [] : figures) {
      const content = await figureFile(one, format, dataset);
      written.push(writeWhole(join(folder, `faasmem-${one.name}.${format}`), content));
    }
  }
  return written;
}

/** Exporters load on use: the rasterizer alone is 2 MiB. */
async function figureFile(
  figure: Figure,
  format: Format,
  { sources }: Dataset,
): Promise<string | Uint8Array> {
  const scene = await drawFigure(figure);
  if (format === "pdf") {
    const { run } = sources[0]!;
    const { pdfFile } = await import("./pdf.ts");
    return pdfFile(scene, { creator: `faasmem ${run.version}`, createdAt: run.finishedAt ?? run.startedAt });
  }
  if (format === "png") return (await import("./png.ts")).pngFile(scene);
  return (await import("./svg.ts")).svgFile(scene);
}
