import { quantile } from "../../base/quantile.ts";
import { baselineOf, type Dataset, type Row, unique } from "./dataset.ts";
import { type Estimate, estimate } from "./estimate.ts";

/** A number of a cell; null when it has none. */
export type Measure = (row: Row) => number | null;

export const GIB = 1024 ** 3;
export const MIB = 1024 ** 2;

export const localBytes: Measure = ({ cell }) => cell.avgLocalBytes;
export const p95Ms: Measure = ({ cell }) => cell.p95Ms;

/** Milliseconds of the answered requests without cold starts, as `p95Ms` counts them (src/experiment/cell.ts). */
export const latencies = ({ requests }: Row): number[] =>
  requests
    .filter(({ status, start }) => status === 200 && start !== "cold")
    .map(({ latencyMs }) => latencyMs);

/** The measure as a multiple of the same under baseline. */
export const ofBaseline =
  (dataset: Dataset, measure: Measure): Measure =>
  (row) => {
    const base = baselineOf(dataset, row);
    const [value, of] = [measure(row), base ? measure(base) : null];
    return value === null || !of ? null : value / of;
  };

/** The measure over the repeats of one series, one function and one window; null when no repeat has it. */
export function estimateOf(
  { rows }: Pick<Dataset, "rows">,
  measure: Measure,
  where: { series: string; function?: string; window?: string },
): Estimate | null {
  const values = rows
    .filter(
      (row) =>
        row.series === where.series &&
        (where.function === undefined || row.cell.function === where.function) &&
        (where.window === undefined || row.cell.window === where.window),
    )
    .map(measure);
  return estimate(values.filter((value) => value !== null));
}

/** The largest number of times that one thing was measured: whether whiskers were drawn. */
export function repeatsOf({ rows }: Pick<Dataset, "rows">): number {
  return unique(rows.map(({ cell }) => cell.repeat)).length;
}

/** Mean, P50, P95 and P99 in milliseconds; null for no requests. */
export function latencyProfile(
  values: readonly number[],
): Record<"AVG" | "P50" | "P95" | "P99", number> | null {
  if (values.length === 0) return null;
  return {
    AVG: values.reduce((sum, value) => sum + value, 0) / values.length,
    P50: quantile(values, 0.5)!,
    P95: quantile(values, 0.95)!,
    P99: quantile(values, 0.99)!,
  };
}
