import { ofWindow, windowsOf } from "../data/dataset.ts";
import { notesOf, tableNotesOf } from "../data/provenance.ts";
import { comparisonPanels, comparisonTable } from "./comparison.ts";
import { type FigureEntry, hasCells, slug } from "./entry.ts";

const LOADS: Record<string, string> = { high: "high load", low: "low load" };

/** "Diverse benchmarks": a figure for each load. */
export const benchmarksEntry: FigureEntry = {
  name: "benchmarks",
  summary: "memory and P95 of every function against baseline, a figure for high and one for low load",
  experiments: ["benchmarks"],
  command: "faasmem experiment run benchmarks",
  suits: hasCells,
  draw: (dataset) => {
    const notes = notesOf(dataset);
    const parts = windowsOf(dataset).map((window) => {
      const own = ofWindow(dataset, window);
      const title = `Diverse benchmarks, ${LOADS[window] ?? window}`;
      const name = `benchmarks-${slug(window)}`;
      return {
        figure: {
          ...{ name, title, notes, ...comparisonPanels(own) },
          description:
            "Bars for each function and system: average local memory and P95 latency as shares of baseline.",
        },
        table: comparisonTable(own, name, title, tableNotesOf(dataset)),
      };
    });
    return { figures: parts.map(({ figure }) => figure), tables: parts.map(({ table }) => table) };
  },
};
