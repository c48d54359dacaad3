import { PAGE_BYTES } from "../base/units.ts";
import type { BenchResult } from "../bench/result.ts";

/** Pages of the process that `faasmem bench` walks with each window (src/bench/paging.ts). */
const SWEEP_PAGES = 65_536;
const GIB = 1024 ** 3;

/** What moving pages costs on a machine, in milliseconds of real time. */
export interface Costs {
  /** Of a demand fault, beside its pages. */
  faultMs: number;
  /** Of each page that a demand fault brings. */
  faultPageMs: number;
  /** Of each page of a bulk restore. */
  restorePageMs: number;
  /** Of each page of an eviction at full speed. */
  evictPageMs: number;
  /** Of each page that is touched again after a look. */
  lookPageMs: number;
  cores: number;
}

/**
 * Costs from what `faasmem bench` measured: the line through the times of a process walked in random order with
 * windows of 1 to 64 pages, by faults and pages; and the two throughputs.
 */
export function costsOf(bench: BenchResult): Costs {
  const points = bench.sweep
    .filter(({ window }) => window <= 64)
    .map(({ window, randomMs }) => ({ pages: window, ms: randomMs / (SWEEP_PAGES / window) }));
  // Least squares of ms = faultMs + faultPageMs * pages, relative, so that small windows count as much as large ones.
  let [w, x, y, xx, xy] = [0, 0, 0, 0, 0];
  for (const { pages, ms } of points) {
    const weight = 1 / ms ** 2;
    w += weight;
    x += weight * pages;
    y += weight * ms;
    xx += weight * pages * pages;
    xy += weight * pages * ms;
  }
  const slope = Math.max(0, (w * xy - x * y) / (w * xx - x * x));
  return {
    faultMs: Math.max(0, (y - slope * x) / w),
    faultPageMs: slope,
    restorePageMs: (PAGE_BYTES / (bench.restoreGiBps * GIB)) * 1000,
    evictPageMs: (PAGE_BYTES / (bench.evictGiBps * GIB)) * 1000,
    lookPageMs: (bench.lookUsPerPage ?? 0) / 1000,
    cores: bench.machine.cores,
  };
}
