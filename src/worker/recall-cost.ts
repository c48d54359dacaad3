import type { MemoryStats, PageSet } from "../memory/engine.ts";
import type { Policy } from "../memory/policy.ts";
import type { SandboxSpace } from "../sandbox/attachment.ts";

/** Why a request was slow, as far as far memory is the reason. */
export interface RecallCost {
  /** Pages that came back from the pool while it ran, by faults or by prefetch. */
  recalledPages: number;
  /** Faults that had to wait for the pool; each brings its neighbours along. */
  recallFaults: number;
  /** Time that its threads waited for those, summed, in milliseconds. */
  stallMs: number;
  /** `recalledPages` by segment; null where the policy has none. */
  segments: { runtime: number; init: number; execution: number } | null;
}

/** Nothing came back. */
export const noRecall: RecallCost = { recalledPages: 0, recallFaults: 0, stallMs: 0, segments: null };

/**
 * What came back since `before`.
 * @returns the cost, and the pages for the policy; null when there are none
 */
export async function recallCost(
  space: SandboxSpace,
  before: MemoryStats,
  segments: Policy["segments"],
): Promise<{ cost: RecallCost; pages: PageSet | null }> {
  if (space.stats().recalledPages === before.recalledPages) return { cost: noRecall, pages: null };
  const pages = await space.takeRecalled();
  const after = space.stats(); // read-ahead may have brought more meanwhile
  const recalledPages = after.recalledPages - before.recalledPages;
  const runtime = segments ? pages.intersect(segments.runtime).pages : 0;
  const init = segments ? pages.intersect(segments.init).pages : 0;
  return {
    cost: {
      recalledPages,
      recallFaults: after.recallFaults - before.recallFaults,
      stallMs: (after.stallUs - before.stallUs) / 1000,
      segments: segments ? { runtime, init, execution: Math.max(0, recalledPages - runtime - init) } : null,
    },
    pages,
  };
}
