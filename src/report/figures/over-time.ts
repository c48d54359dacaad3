import type { Dataset, Row, Series } from "../data/dataset.ts";
import { MIB } from "../data/measures.ts";
import type { Panel } from "../draw/figure.ts";
import type { LegendEntry } from "../draw/legend.ts";
import { type Event, linePanel, thinned } from "../draw/lines.ts";
import { extent, RESOLUTION } from "../draw/scatter.ts";
import { INK, type SymbolName } from "../draw/style.ts";

/** Starts that are marked, and how. */
const STARTS: Record<string, { symbol: SymbolName; label: string }> = {
  cold: { symbol: "triangle", label: "cold start" },
  "semi-warm": { symbol: "diamond", label: "semi-warm start" },
};
/** Marks nearer than this many points of the figure's width are one. */
const MARK_GAP = 4;

/** "seconds", "minutes" or "hours", whichever gives small numbers. */
export function timeUnit(seconds: number): { label: string; seconds: number } {
  if (seconds > 3 * 3600) return { label: "trace time, h", seconds: 3600 };
  return seconds > 240 ? { label: "trace time, min", seconds: 60 } : { label: "trace time, s", seconds: 1 };
}

/**
 * Local memory over time of one function in one window, a line for each series: its first repeat.
 * @param options.points of each line, means of what is between them
 */
export function memoryPanel(
  dataset: Dataset,
  where: { function: string; window: string },
  options: { title?: string; starts: boolean; height?: number; points?: number },
): Panel {
  const drawn = dataset.series.flatMap((series) => {
    const row = dataset.rows.find(
      ({ series: label, cell }) =>
        label === series.label && cell.function === where.function && cell.window === where.window,
    );
    return row && row.samples.length > 0 ? [{ series, row }] : [];
  });
  const lengths = drawn.flatMap(({ row }) => extent(row.samples.map(({ atS }) => atS)));
  const [from, to] = lengths.length > 0 ? extent(lengths) : [0, 1];
  const unit = timeUnit(to - from);
  const lines = drawn.map(({ series, row }) => ({
    ...series.look,
    points: thinned(
      row.samples.map(({ atS, localBytes }) => [atS / unit.seconds, localBytes / MIB] as const),
      options.points ?? RESOLUTION * 1.5,
    ),
  }));
  return linePanel({
    ...(options.title ? { title: options.title } : {}),
    height: options.height ?? 92,
    xLabel: unit.label,
    yLabel: "local MiB",
    xDomain: [Math.min(0, from / unit.seconds), to / unit.seconds],
    lines,
    events: options.starts
      ? drawn.flatMap(({ series, row }) => startsOf(row, series, unit.seconds, to - from))
      : [],
  });
}

/** Starts as marks on the line, few enough to be told apart. */
function startsOf({ requests, samples }: Row, { look }: Series, unit: number, span: number): Event[] {
  const bins = Math.floor(RESOLUTION / MARK_GAP);
  const seen = new Set<string>();
  let next = 0;
  return requests
    .toSorted((a, b) => a.atS - b.atS)
    .flatMap(({ atS, start }) => {
      const mark = start === null ? undefined : STARTS[start];
      const place = `${start} ${Math.floor((atS / Math.max(span, 1)) * bins)}`;
      if (!mark || seen.has(place)) return [];
      seen.add(place);
      while (next < samples.length - 1 && samples[next]!.atS < atS) next++;
      return [
        { x: atS / unit, y: samples[next]!.localBytes / MIB, colour: look.colour, symbol: mark.symbol },
      ];
    });
}

/** What the marks mean, of those that there are. */
export function startLegend(dataset: Pick<Dataset, "rows">): LegendEntry[] {
  const there = new Set(dataset.rows.flatMap(({ requests }) => requests.map(({ start }) => start)));
  return Object.entries(STARTS).flatMap(([start, { symbol, label }]) =>
    there.has(start) ? [{ label, kind: "dot", colour: INK, symbol }] : [],
  );
}
