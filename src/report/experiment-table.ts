import { geometricMean } from "../base/geometric-mean.ts";
import { formatMiB } from "../base/units.ts";
import type { Cell } from "../results/schema.ts";
import type { CellRecord } from "../results/store.ts";
import { estimate } from "./data/estimate.ts";
import { slowRequests, WAITED_SHARE } from "./slow-requests.ts";
import { formatTable } from "./table.ts";

/** Change in percent against a base, with its sign; empty when there is nothing to compare. */
function change(value: number | null, base: number | null | undefined): string {
  if (value === null || !base) return "-";
  const percent = (100 * (value - base)) / base;
  return `${percent > 0 ? "+" : ""}${percent.toFixed(1)} %`;
}

const milliseconds = (value: number | null): string => (value === null ? "-" : value.toFixed(1));

/** Same function, arrivals and inputs: what differs is the system. */
const isSameLoad = (a: Cell, b: Cell): boolean =>
  a.function === b.function && a.window === b.window && a.repeat === b.repeat;

/** Of each system and window in which several functions are compared with baseline: the mean of the memory ratios, the geometric one of the P95s'. */
function meansOf(cells: readonly Cell[]) {
  const pairs = cells.flatMap((cell) => {
    const base = baseOf(cells, cell);
    return base?.avgLocalBytes ? [{ cell, base }] : [];
  });
  const groups = Map.groupBy(pairs, ({ cell }) => JSON.stringify([cell.system, cell.window]));
  return [...groups.values()].flatMap((group) => {
    if (new Set(group.map(({ cell }) => cell.function)).size < 2) return [];
    const { system, window } = group[0]!.cell;
    const memory = estimate(group.map(({ cell, base }) => cell.avgLocalBytes / base.avgLocalBytes))!.mean;
    const p95 = geometricMean(
      group.flatMap(({ cell, base }) => (cell.p95Ms && base.p95Ms ? [cell.p95Ms / base.p95Ms] : [])),
    );
    return [{ system, window, memory, p95 }];
  });
}

/** The baseline that a cell is compared with; undefined for baseline itself. */
const baseOf = (cells: readonly Cell[], cell: Cell): Cell | undefined =>
  cells.find((other) => other !== cell && isSameLoad(other, cell) && other.system === "baseline");

/**
 * The table of an experiment's cells, each compared with the same function under baseline, and the means over functions. Those say
 * most: the P95 of one function's run is the time of a few requests.
 */
export function experimentTable(records: readonly CellRecord[]): string {
  const cells = records.map(({ cell }) => cell);
  const several = new Set(cells.map(({ window, repeat }) => `${window} ${repeat}`)).size > 1;
  const header = [
    "function",
    ...(several ? ["window"] : []),
    "system",
    "requests",
    "P50 ms",
    "P95 ms",
    "local MiB",
    "remote MiB",
    "cold",
    "semi-warm",
    "memory",
    "P95",
    "waited",
  ];
  const rows = records.map((record) => {
    const { cell } = record;
    const base = baseOf(cells, cell);
    const slow = slowRequests(record);
    return [
      cell.function,
      ...(several ? [cell.repeat > 0 ? `${cell.window} #${cell.repeat + 1}` : cell.window] : []),
      cell.system,
      String(cell.requests),
      milliseconds(cell.p50Ms),
      milliseconds(cell.p95Ms),
      formatMiB(cell.avgLocalBytes),
      formatMiB(cell.avgRemoteBytes),
      String(cell.coldStarts),
      String(cell.semiWarmStarts),
      base ? change(cell.avgLocalBytes, base.avgLocalBytes) : "-",
      base ? change(cell.p95Ms, base.p95Ms) : "-",
      slow ? `${slow.waited} of ${slow.slow}` : "-",
    ];
  });
  const blank = Array<string>(7).fill("");
  const means = meansOf(cells).map(({ system, window, memory, p95 }) => [
    ...["mean", ...(several ? [window] : []), system],
    ...[...blank, change(memory, 1), change(p95, 1), ""],
  ]);
  return formatTable(header, [...rows, ...means]);
}

const metrics: Record<string, string> = { pss: "proportional set size (smaps_rollup)" };

/**
 * What the numbers of the table mean, in one line.
 * @param timeScale "20x"
 */
export function tableNote(cells: readonly Cell[], timeScale: string): string {
  const metric = cells[0]?.memoryMetric ?? "pss";
  const simulated = cells.some((cell) => cell.mode === "simulate");
  const latencies =
    "P50 and P95 leave out cold starts; waited: of the requests at or above the P95, those that spent " +
    `${WAITED_SHARE * 100} % of their time or more waiting for far memory`;
  if (simulated)
    return `simulated from profiles of this machine; local: average ${metrics[metric] ?? metric}; ${latencies}`;
  return (
    `local: average ${metrics[metric] ?? metric} of the sandboxes plus page copies in transit; ${latencies}; ` +
    `trace time runs ${timeScale} real time, functions at their own speed`
  );
}
