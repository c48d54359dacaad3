import { type Dataset, functionsOf, windowsOf } from "../data/dataset.ts";
import {
  estimateOf,
  latencies,
  latencyProfile,
  localBytes,
  type Measure,
  ofBaseline,
} from "../data/measures.ts";
import { notesOf, tableNotesOf } from "../data/provenance.ts";
import type { Table } from "../data/table.ts";
import { barPanel } from "../draw/bars.ts";
import type { Figure } from "../draw/figure.ts";
import { barLegend, lineLegend, seriesBars } from "./comparison.ts";
import { type FigureEntry, hasCells, slug } from "./entry.ts";
import { memoryPanel } from "./over-time.ts";

const STATISTICS = ["AVG", "P50", "P95", "P99"] as const;
/** Five lines over eight hours: more of them could not be told apart. */
const POINTS = 120;
const WORDS: Record<string, string> = { common: "common arrivals", bursty: "bursty arrivals" };
const words = (window: string) => WORDS[window] ?? window;

const latency =
  (statistic: (typeof STATISTICS)[number]): Measure =>
  (row) =>
    latencyProfile(latencies(row))?.[statistic] ?? null;

/** Memory over time, a panel for each window. */
function memoryFigure(dataset: Dataset, fn: string, name: string, notes: string[]): Figure {
  return {
    name: `${name}-memory`,
    title: `Ablation, ${fn}: local memory over time`,
    description: `Local memory of ${fn} over time under each variant, for each kind of arrivals.`,
    legend: lineLegend(dataset.series),
    panels: windowsOf(dataset).map((window) =>
      memoryPanel(
        dataset,
        { function: fn, window },
        {
          title: words(window),
          ...{ starts: false, height: 110, points: POINTS },
        },
      ),
    ),
    notes: [`Lines: ${POINTS} points, means of what is between them.`, ...notes],
  };
}

/** Bars of latencies for each window, and of average memory. */
function barFigure(dataset: Dataset, fn: string, name: string, notes: string[]): Figure {
  const windows = windowsOf(dataset);
  const latencyPanels = windows.map((window) => {
    const group = [{ label: "", function: fn, window }];
    return barPanel({
      title: `Latency, ${words(window)}`,
      height: 80,
      yLabel: "ms",
      groups: STATISTICS,
      bars: STATISTICS.map((statistic) => seriesBars(dataset, group, dataset.series, latency(statistic))[0]!),
    });
  });
  const groups = windows.map((window) => ({ label: words(window), function: fn, window }));
  const memory = barPanel({
    title: "Average local memory",
    height: 80,
    yLabel: "MB",
    groups: groups.map(({ label }) => label),
    bars: seriesBars(
      dataset,
      groups,
      dataset.series,
      ({ cell }) => cell.avgLocalBytes / 1e6,
      (mean) => mean.toFixed(0),
    ),
  });
  return {
    name: `${name}-bars`,
    title: `Ablation, ${fn}: latency and average memory`,
    description: `Mean, P50, P95 and P99 latency and average local memory of ${fn} under each variant.`,
    legend: barLegend(dataset.series),
    panels: [...latencyPanels, memory],
    notes: [...notes, "Latencies leave out cold starts."],
  };
}

function tableOf(dataset: Dataset, fn: string, name: string, notes: string[]): Table {
  const rows = windowsOf(dataset).flatMap((window) =>
    dataset.series.map(({ label, system }) => {
      const of = (measure: Measure) => estimateOf(dataset, measure, { series: label, function: fn, window });
      return [
        window,
        label,
        of(({ cell }) => cell.avgLocalBytes / 1e6),
        system === "baseline" ? null : of(ofBaseline(dataset, localBytes)),
        ...STATISTICS.map((statistic) => of(latency(statistic))),
      ];
    }),
  );
  return {
    name,
    title: `Ablation, ${fn}`,
    columns: [
      ...[{ label: "arrivals" }, { label: "system" }],
      { label: "local MB", digits: 1 },
      { label: "of baseline", digits: 1, percent: true },
      ...STATISTICS.map((statistic) => ({ label: `${statistic} ms`, digits: 1 })),
    ],
    rows,
    notes: [...notes, "Latencies leave out cold starts."],
  };
}

/** "Ablation": what each mechanism contributes. */
export const ablationEntry: FigureEntry = {
  name: "ablation",
  summary: "what Puckets, semi-warm and recall contribute: memory over time, bars of latency and memory",
  experiments: ["ablation"],
  command: "faasmem experiment run ablation",
  suits: hasCells,
  draw: (dataset) => {
    const notes = notesOf(dataset);
    const functions = functionsOf(dataset);
    const name = (fn: string) => (functions.length > 1 ? `ablation-${slug(fn)}` : "ablation");
    return {
      figures: functions.flatMap((fn) => [
        memoryFigure(dataset, fn, name(fn), notes),
        barFigure(dataset, fn, name(fn), notes),
      ]),
      tables: functions.map((fn) => tableOf(dataset, fn, name(fn), tableNotesOf(dataset))),
    };
  },
};
