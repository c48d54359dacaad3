import { type Dataset, type Row, unique } from "../data/dataset.ts";
import { localBytes, type Measure, p95Ms } from "../data/measures.ts";

/** One function in one window under one system against another: means over repeats, and each repeat. */
export interface Pair {
  function: string;
  window: string;
  /** Fewest requests without cold starts in any repeat: what stands behind its P95. */
  warmRequests: number;
  /** Memory and P95 as shares of the other system's; null where there is none. */
  memory: number | null;
  p95: number | null;
  repeats: { repeat: number; memory: number | null; p95: number | null }[];
}

/** Every cell of a system, compared with the same cell of another. */
export function pairsOf(dataset: Dataset, system: string, against: string): Pair[] {
  const cells = dataset.rows.filter(({ cell }) => cell.system === system);
  const keys = unique(cells.map(({ cell }) => JSON.stringify([cell.function, cell.window])));
  return keys.flatMap((key) => {
    const [fn, window] = JSON.parse(key) as [string, string];
    const repeats = cells
      .filter(({ cell }) => cell.function === fn && cell.window === window)
      .flatMap((row) => {
        const other = counterpart(dataset, row, against);
        if (!other) return [];
        const share = (measure: Measure) => {
          const [value, of] = [measure(row), measure(other)];
          return value === null || !of ? null : value / of;
        };
        return [{ repeat: row.cell.repeat, memory: share(localBytes), p95: share(p95Ms) }];
      });
    if (repeats.length === 0) return [];
    const warm = cells
      .filter(({ cell }) => cell.function === fn && cell.window === window)
      .map(({ cell }) => cell.requests - cell.coldStarts);
    const warmRequests = Math.min(...warm);
    return [
      {
        function: fn,
        window,
        warmRequests,
        memory: mean(repeats, "memory"),
        p95: mean(repeats, "p95"),
        repeats,
      },
    ];
  });
}

function mean(repeats: Pair["repeats"], of: "memory" | "p95"): number | null {
  const values = repeats.map((one) => one[of]).filter((value) => value !== null);
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

const counterpart = ({ rows }: Dataset, row: Row, system: string): Row | undefined =>
  rows.find(
    ({ runId, cell }) =>
      cell.system === system &&
      runId === row.runId &&
      cell.function === row.cell.function &&
      cell.window === row.cell.window &&
      cell.repeat === row.cell.repeat &&
      cell.mode === row.cell.mode,
  );

/** "bert (high)". */
export const pairName = (pair: Pick<Pair, "function" | "window">): string =>
  `${pair.function} (${pair.window})`;
