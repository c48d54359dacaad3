import { type Dataset, functionsOf, windowsOf } from "../data/dataset.ts";
import { estimateOf, type Measure } from "../data/measures.ts";
import { notesOf, tableNotesOf } from "../data/provenance.ts";
import type { Table } from "../data/table.ts";
import { barPanel } from "../draw/bars.ts";
import type { Figure } from "../draw/figure.ts";
import { barLegend, seriesBars } from "./comparison.ts";
import { type FigureEntry, hasCells, slug } from "./entry.ts";

/** The units of the paper's tables. */
const memoryGB: Measure = ({ cell }) => cell.avgLocalBytes / 1e9;
const p95S: Measure = ({ cell }) => (cell.p95Ms === null ? null : cell.p95Ms / 1000);

function figureOf(dataset: Dataset, fn: string, notes: string[]): Figure {
  const groups = windowsOf(dataset).map((window) => ({ label: window, function: fn, window }));
  const panel = (title: string, yLabel: string, measure: Measure) =>
    barPanel({
      ...{ title, yLabel, height: 80, groups: groups.map(({ label }) => label) },
      bars: seriesBars(dataset, groups, dataset.series, measure),
    });
  return {
    name: `workloads-${slug(fn)}`,
    title: `Diverse workloads, ${fn}`,
    description: `Average local memory and P95 latency of ${fn} under each system, for each window of the trace.`,
    legend: barLegend(dataset.series),
    panels: [
      panel("Average local memory", "GB", memoryGB),
      panel("P95 latency without cold starts", "s", p95S),
    ],
    notes,
  };
}

function tableOf(dataset: Dataset, fn: string, notes: string[]): Table {
  const rows = windowsOf(dataset).map((window) => [
    window,
    ...[p95S, memoryGB].flatMap((measure) =>
      dataset.series.map(({ label }) =>
        estimateOf(dataset, measure, { series: label, function: fn, window }),
      ),
    ),
  ]);
  return {
    name: `workloads-${slug(fn)}`,
    title: `Diverse workloads, ${fn}: P95 latency and average local memory`,
    columns: [
      { label: "trace" },
      ...dataset.series.map(({ label }) => ({ label: `P95 s, ${label}`, digits: 3 })),
      ...dataset.series.map(({ label }) => ({ label: `GB, ${label}`, digits: 3 })),
    ],
    rows,
    notes: [...notes, "P95 leaves out cold starts."],
  };
}

/** "Diverse workloads": a table for each function, and the same as bars. */
export const workloadsEntry: FigureEntry = {
  name: "workloads",
  summary: "P95 and memory of bert, graph and web under six windows: three tables, and the same as bars",
  experiments: ["workloads"],
  command: "faasmem experiment run workloads",
  suits: hasCells,
  draw: (dataset) => {
    const notes = notesOf(dataset);
    const functions = functionsOf(dataset);
    return {
      figures: functions.map((fn) => figureOf(dataset, fn, notes)),
      tables: functions.map((fn) => tableOf(dataset, fn, tableNotesOf(dataset))),
    };
  },
};
