import { DENSITY_MOST } from "../../results/documents.ts";
import { type Dataset, functionsOf, type Row, unique } from "./dataset.ts";
import { type Estimate, estimate } from "./estimate.ts";
import { localBytes, ofBaseline } from "./measures.ts";

/** Quota and memory in use without offloading of a container in production, MiB (reference, section 5). */
export const PRODUCTION: Readonly<Record<string, { quota: number; base: number }>> = {
  bert: { quota: 1280, base: 611 },
  graph: { quota: 256, base: 186 },
  web: { quota: 384, base: 256 },
};

/** How many containers fit where one did: memory that left no longer counts against the quota (reference, section 5). */
export function densityOf(name: string, memoryRatio: number): number | null {
  const known = PRODUCTION[name];
  return known ? known.quota / (known.quota - known.base * (1 - memoryRatio)) : null;
}

/** One function in one window under one system. */
export interface DensityPoint {
  function: string;
  window: string;
  series: string;
  requestsPerMinute: number;
  /** Standard deviation of the intervals between requests, trace seconds; null for fewer than three requests. */
  intervalDeviationS: number | null;
  memoryRatio: Estimate;
  density: Estimate;
}

/** Density of every function, window and system other than baseline, where it can be known. */
export function densityPoints(dataset: Dataset): DensityPoint[] {
  const ratio = ofBaseline(dataset, localBytes);
  const windows = unique(dataset.rows.map(({ cell }) => cell.window));
  return dataset.series
    .filter(({ system }) => system !== "baseline")
    .flatMap(({ label }) =>
      functionsOf(dataset).flatMap((fn) =>
        windows.flatMap((window): DensityPoint[] => {
          const rows = dataset.rows.filter(
            (row) => row.series === label && row.cell.function === fn && row.cell.window === window,
          );
          const ratios = rows.map(ratio).filter((value) => value !== null);
          const memoryRatio = estimate(ratios);
          const density = estimate(
            ratios.map((value) => densityOf(fn, value)).filter((value) => value !== null),
          );
          if (!memoryRatio || !density) return [];
          return [{ function: fn, window, series: label, memoryRatio, density, ...load(rows[0]!) }];
        }),
      ),
    );
}

function load({ cell, requests }: Row): Pick<DensityPoint, "requestsPerMinute" | "intervalDeviationS"> {
  const times = requests.map(({ atS }) => atS).sort((a, b) => a - b);
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  return {
    requestsPerMinute: cell.requests / (cell.windowS / 60),
    intervalDeviationS:
      gaps.length < 2 ? null : Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length),
  };
}

/**
 * The straight line of least squares through (log10 x, y), as its two ends.
 * @returns null for fewer than three points, or all at one x
 */
export function trend(
  points: readonly { x: number; y: number }[],
): { line: [[number, number], [number, number]]; slope: number } | null {
  const known = points.filter(({ x }) => x > 0).map(({ x, y }) => ({ x: Math.log10(x), y }));
  const n = known.length;
  const mean = (of: (point: { x: number; y: number }) => number) =>
    known.reduce((sum, one) => sum + of(one), 0) / n;
  const [mx, my] = [mean(({ x }) => x), mean(({ y }) => y)];
  const spread = known.reduce((sum, { x }) => sum + (x - mx) ** 2, 0);
  if (n < 3 || spread === 0) return null;
  const slope = known.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0) / spread;
  const xs = known.map(({ x }) => x);
  const end = (x: number): [number, number] => [10 ** x, my + slope * (x - mx)];
  return { line: [end(Math.min(...xs)), end(Math.max(...xs))], slope };
}

/** Were no more tried, although the budget was not full? */
export const isCapped = (sandboxes: number): boolean => sandboxes >= DENSITY_MOST;

/** Number of sandboxes that a budget held, or at least that. */
export const heldText = (sandboxes: number): string => `${sandboxes}${isCapped(sandboxes) ? "+" : ""}`;
