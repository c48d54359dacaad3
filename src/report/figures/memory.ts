import { type Dataset, functionsOf, ofWindow, windowsOf } from "../data/dataset.ts";
import { estimateOf, GIB, localBytes, MIB, repeatsOf } from "../data/measures.ts";
import { notesOf, tableNotesOf } from "../data/provenance.ts";
import type { Table } from "../data/table.ts";
import type { Figure } from "../draw/figure.ts";
import { extent } from "../draw/scatter.ts";
import { lineLegend } from "./comparison.ts";
import { type FigureEntry, slug } from "./entry.ts";
import { memoryPanel, startLegend } from "./over-time.ts";

/** More functions than this get a figure each. */
const PANELS = 4;

/** Local memory over time with cold and semi-warm starts marked: a figure for each window, a panel for each function. */
export const memoryEntry: FigureEntry = {
  name: "memory",
  summary: "local memory over time, cold and semi-warm starts marked: of any run",
  command: "faasmem experiment run quick",
  suits: ({ samples }) => samples,
  draw: (dataset) => {
    const windows = windowsOf(dataset);
    const notes = [
      ...notesOf(dataset, { spread: "" }),
      ...(repeatsOf(dataset) > 1 ? ["Lines are the first repeat."] : []),
    ];
    const figures = windows.flatMap((window) => {
      const own = ofWindow(dataset, window);
      const functions = functionsOf(own);
      const together = functions.length > PANELS ? functions.map((fn) => [fn]) : [functions];
      return together.map((group): Figure => {
        const parts = [...(windows.length > 1 ? [window] : []), ...(together.length > 1 ? [group[0]!] : [])];
        return {
          name: ["memory", ...parts.map(slug)].join("-"),
          title: `Local memory over time${parts.map((part) => `, ${part}`).join("")}`,
          description: "Local memory of each function under each system over the time of the trace.",
          legend: [...lineLegend(own.series), ...startLegend(own)],
          panels: group.map((fn) => memoryPanel(own, { function: fn, window }, { title: fn, starts: true })),
          notes,
        };
      });
    });
    return {
      figures,
      tables: [memoryTable(dataset, tableNotesOf(dataset))],
    };
  },
};

function memoryTable(dataset: Dataset, notes: string[]): Table {
  const rows = windowsOf(dataset).flatMap((window) =>
    functionsOf(dataset).flatMap((fn) =>
      dataset.series.flatMap(({ label }) => {
        const where = { series: label, function: fn, window };
        const average = estimateOf(dataset, localBytes, where);
        if (!average) return [];
        const peak = estimateOf(
          dataset,
          ({ samples }) =>
            samples.length > 0 ? extent(samples.map((one) => one.localBytes))[1] / MIB : null,
          where,
        );
        const hours = estimateOf(
          dataset,
          ({ cell }) => (cell.avgLocalBytes * cell.windowS) / 3600 / GIB,
          where,
        );
        return [
          [window, fn, label, estimateOf(dataset, (row) => row.cell.avgLocalBytes / MIB, where), peak, hours],
        ];
      }),
    ),
  );
  return {
    name: "memory",
    title: "Local memory",
    columns: [
      ...[{ label: "window" }, { label: "function" }, { label: "system" }],
      { label: "average MiB", digits: 1 },
      { label: "peak MiB", digits: 1 },
      { label: "GiB hours", digits: 3 },
    ],
    rows,
    notes,
  };
}
