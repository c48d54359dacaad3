import { type Dataset, functionsOf, ofWindow, windowsOf } from "../data/dataset.ts";
import { notesOf, tableNotesOf } from "../data/provenance.ts";
import type { Figure } from "../draw/figure.ts";
import { comparisonPanels, comparisonTable, lineLegend } from "./comparison.ts";
import { type FigureEntry, hasCells, slug } from "./entry.ts";
import { memoryPanel, startLegend } from "./over-time.ts";

/** Memory and P95 against baseline, and memory over time below: everything about a small run in one figure. */
export function overviewFigures(dataset: Dataset, name: string, title: string): Figure[] {
  const windows = windowsOf(dataset);
  return windows.map((window) => {
    const own = ofWindow(dataset, window);
    const comparison = comparisonPanels(own);
    return {
      name: windows.length > 1 ? `${name}-${slug(window)}` : name,
      title: windows.length > 1 ? `${title}, ${window}` : title,
      description:
        "Average local memory and P95 latency of each function as shares of baseline, and local memory over time.",
      legend: [...lineLegend(own.series), ...comparison.legend.slice(-1), ...startLegend(own)],
      width: comparison.width,
      panels: [
        ...comparison.panels,
        ...functionsOf(own).map((fn) =>
          memoryPanel(
            own,
            { function: fn, window },
            { title: `${fn}: local memory over time`, starts: true, height: 80 },
          ),
        ),
      ],
      notes: notesOf(dataset),
    };
  });
}

/** The quick experiment. */
export const quickEntry: FigureEntry = {
  name: "quick",
  summary: "the quick experiment: memory and P95 against baseline, memory over time",
  experiments: ["quick"],
  command: "faasmem experiment run quick",
  suits: hasCells,
  draw: (dataset) => ({
    figures: overviewFigures(dataset, "quick", "The quick experiment"),
    tables: [comparisonTable(dataset, "quick", "The quick experiment", tableNotesOf(dataset))],
  }),
};
