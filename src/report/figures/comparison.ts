import { type Dataset, functionsOf, type Series, unique } from "../data/dataset.ts";
import { estimateOf, localBytes, type Measure, ofBaseline, p95Ms } from "../data/measures.ts";
import type { Table } from "../data/table.ts";
import { type Bar, barPanel } from "../draw/bars.ts";
import type { Panel } from "../draw/figure.ts";
import type { LegendEntry } from "../draw/legend.ts";
import { COLUMN, LIMIT, PAGE } from "../draw/style.ts";

/** Bars that stand together. */
export interface Group {
  label: string;
  function: string;
  window?: string;
}

/** A bar of each series for each group. */
export function seriesBars(
  dataset: Dataset,
  groups: readonly Group[],
  series: readonly Series[],
  measure: Measure,
  label: (mean: number) => string = () => "",
): Bar[][] {
  return groups.map((group) =>
    series.map(({ label: name, look }) => {
      const value = estimateOf(dataset, measure, { series: name, ...withoutLabel(group) });
      return { group: group.label, colour: look.colour, value, label: value ? label(value.mean) : "" };
    }),
  );
}

const withoutLabel = ({ label: _, ...where }: Group) => where;

export const percent = (value: number): string => `${Math.round(value * 100)} %`;

/** Systems that are compared with baseline: all others. */
export const compared = ({ series }: Dataset): Series[] =>
  series.filter(({ system }) => system !== "baseline");

export const barLegend = (series: readonly Series[]): LegendEntry[] =>
  series.map(({ label, look }) => ({ label, kind: "bar", colour: look.colour }));

export const lineLegend = (series: readonly Series[]): LegendEntry[] =>
  series.map(({ label, look }) => ({ label, kind: "line", colour: look.colour, dash: look.dash }));

/** As many bars have room for their labels in a column. */
const COLUMN_BARS = 24;

/** The pair of panels of the paper: local memory above, P95 with the +10 % line below, both against baseline. */
export function comparisonPanels(dataset: Dataset): {
  panels: Panel[];
  legend: LegendEntry[];
  width: number;
} {
  const groups = functionsOf(dataset).map((name) => ({ label: name, function: name }));
  const series = compared(dataset);
  const width = groups.length * series.length > COLUMN_BARS ? PAGE : COLUMN;
  const panel = (title: string, measure: Measure, limits: number[], label?: typeof percent) =>
    barPanel({
      title,
      ...{ height: 92, width },
      yLabel: "of baseline",
      groups: groups.map((group) => group.label),
      bars: seriesBars(dataset, groups, series, ofBaseline(dataset, measure), label),
      ...{ limits, format: percent, cut: true },
      // Upright labels would cross it.
      ...(label ? {} : { rule: 1 }),
    });
  return {
    width,
    panels: [
      panel("Average local memory", localBytes, [], percent),
      panel("P95 latency without cold starts", p95Ms, [1.1]),
    ],
    legend: [...barLegend(series), { label: "baseline +10 %", kind: "line", colour: LIMIT, dash: "4 2" }],
  };
}

/** The numbers behind it, and what they were made of. */
export function comparisonTable(dataset: Dataset, name: string, title: string, notes: string[]): Table {
  const windows = unique(dataset.rows.map(({ cell }) => cell.window));
  const rows = functionsOf(dataset).flatMap((fn) =>
    windows.flatMap((window) =>
      dataset.series.flatMap(({ label, system }) => {
        const where = { series: label, function: fn, window };
        const of = (measure: Measure) => estimateOf(dataset, measure, where);
        const requests = of(({ cell }) => cell.requests);
        if (!requests) return [];
        const base = system === "baseline";
        return [
          [
            ...[fn, ...(windows.length > 1 ? [window] : []), label, Math.round(requests.mean)],
            of(({ cell }) => cell.avgLocalBytes / 1e6),
            base ? null : of(ofBaseline(dataset, localBytes)),
            of(p95Ms),
            base ? null : of(ofBaseline(dataset, p95Ms)),
            Math.round(of(({ cell }) => cell.coldStarts)?.mean ?? 0),
            Math.round(of(({ cell }) => cell.semiWarmStarts)?.mean ?? 0),
          ],
        ];
      }),
    ),
  );
  return {
    name,
    title,
    columns: [
      { label: "function" },
      ...(windows.length > 1 ? [{ label: "window" }] : []),
      { label: "system" },
      { label: "requests", digits: 0 },
      { label: "local MB", digits: 1 },
      { label: "of baseline", digits: 1, percent: true },
      { label: "P95 ms", digits: 1 },
      { label: "P95 of baseline", digits: 1, percent: true },
      { label: "cold", digits: 0 },
      { label: "semi-warm", digits: 0 },
    ],
    rows,
    notes: [...notes, "P95 leaves out cold starts."],
  };
}
