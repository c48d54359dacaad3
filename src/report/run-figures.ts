import type { Store } from "../results/store.ts";
import { datasetOf, loadSource } from "./data/dataset.ts";
import type { Table } from "./data/table.ts";
import { writeDrawing } from "./export/formats.ts";
import { figureEntries } from "./figures/registry.ts";

/** Tables of what a run is about. */
export function runTables(store: Store, run: number): Table[] {
  const outline = store.outlineRun(run);
  const dataset = datasetOf([loadSource(store, run)]);
  return figureEntries
    .filter((entry) => entry.experiments?.includes(outline.run.experiment) && entry.suits(outline))
    .flatMap((entry) => entry.draw(dataset).tables);
}

/** Draws what a run is about, and its heatmaps where there are any, as SVG. @returns paths of the files */
export async function writeRunFigures(store: Store, run: number, folder: string): Promise<string[]> {
  const outline = store.outlineRun(run);
  const dataset = datasetOf([loadSource(store, run)]);
  const written: string[] = [];
  for (const entry of figureEntries) {
    const own = entry.experiments?.includes(outline.run.experiment) || entry.name === "heatmap";
    if (!own || !entry.suits(outline)) continue;
    written.push(...(await writeDrawing({ ...entry.draw(dataset), tables: [] }, dataset, ["svg"], folder)));
  }
  return written;
}
