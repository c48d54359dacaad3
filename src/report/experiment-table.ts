import { formatMiB } from "../base/units.ts";
import type { Cell } from "../results/schema.ts";
import { formatTable } from "./table.ts";

/** Change in percent against a base, with its sign; empty when there is nothing to compare. */
function change(value: number | null, base: number | null | undefined): string {
  if (value === null || !base) return "-";
  const percent = (100 * (value - base)) / base;
  return `${percent > 0 ? "+" : ""}${percent.toFixed(1)} %`;
}

const milliseconds = (value: number | null): string => (value === null ? "-" : value.toFixed(1));

/** The table of an experiment's cells, each compared with the same function under baseline. */
export function experimentTable(cells: readonly Cell[]): string {
  const header = [
    "function",
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
  ];
  const rows = cells.map((cell) => {
    const base = cells.find((other) => other.function === cell.function && other.system === "baseline");
    const compared = base && base !== cell;
    return [
      cell.function,
      cell.system,
      String(cell.requests),
      milliseconds(cell.p50Ms),
      milliseconds(cell.p95Ms),
      formatMiB(cell.avgLocalBytes),
      formatMiB(cell.avgRemoteBytes),
      String(cell.coldStarts),
      String(cell.semiWarmStarts),
      compared ? change(cell.avgLocalBytes, base.avgLocalBytes) : "-",
      compared ? change(cell.p95Ms, base.p95Ms) : "-",
    ];
  });
  return formatTable(header, rows);
}

const metrics: Record<string, string> = { pss: "proportional set size (smaps_rollup)" };

/** What the numbers of the table mean, in one line. */
export function tableNote(cells: readonly Cell[], timeScale: number): string {
  const metric = cells[0]?.memoryMetric ?? "pss";
  return (
    `local: average ${metrics[metric] ?? metric} of the sandboxes plus page copies in transit; P50 and P95 leave out cold starts; ` +
    `trace time runs ${timeScale}x real time, functions at their own speed`
  );
}
