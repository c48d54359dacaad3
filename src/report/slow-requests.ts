import type { CellRecord } from "../results/store.ts";

/** A request waited for far memory if it spent at least this share of its time so. */
export const WAITED_SHARE = 0.1;

/**
 * Why is the P95 what it is? Of a cell's requests that are at or above it (cold starts left out), those that waited for far
 * memory. Null where no P95 is known, and of imported cells, which do not tell.
 */
export function slowRequests({ cell, requests }: CellRecord): { slow: number; waited: number } | null {
  const { p95Ms } = cell;
  if (p95Ms === null || cell.mode === "imported") return null;
  const slow = requests.filter(
    ({ start, status, latencyMs }) => status === 200 && start !== "cold" && latencyMs >= p95Ms,
  );
  const waited = slow.filter(({ stallMs, latencyMs }) => stallMs >= WAITED_SHARE * latencyMs);
  return { slow: slow.length, waited: waited.length };
}
