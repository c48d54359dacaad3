import { PAGE_BYTES } from "../base/units.ts";
import type { FunctionHistory } from "./history.ts";
import type { PolicyContext } from "./policy.ts";
import { LONG_S } from "./reuse-intervals.ts";

/** Idle time in trace seconds after which it is asked whether it is known when the next request comes: no shorter one tells. */
export const EXPECT_S = LONG_S;

/** Of the idle times that are longer than this one so far, this share may be shorter than expected, and as many longer. */
const OUTSIDE = 0.02;
/**
 * The longest expected idle time may be so many times the shortest: memory that came back waits that long for its request. As far apart
 * must be those that are not expected until it has left again.
 */
const SPREAD = 1.5;
/** After the longest expected idle time, how many times that a request is still waited for. */
const PATIENCE = 1.1;
/** What leaves must stay away for so long, in trace seconds, to be worth the way. */
const WORTH_S = 60;
/** Of the time until then, the share in which everything leaves: faster than where a request may come at any time. */
const LEAVING = 0.25;

/** Idle times in trace seconds. */
export interface ExpectedReturn {
  /** When memory must begin to come back to be there in time. */
  recallAtS: number;
  /** No request since then: none is expected any more. */
  giveUpAtS: number;
  /** Share of the memory that leaves in each second. */
  rate: number;
}

/**
 * The idle times after which requests came of late to a sandbox that has idled for `idleS`, where they are much alike, as those of
 * functions that a timer calls are; where they are so in groups (which burst leaves which sandbox out is chance), those of the next one.
 * Null where they are not, or where too few are known.
 */
export function expectedIdle(history: FunctionHistory, idleS: number): { low: number; high: number } | null {
  const known = history.reuse.rangeAbove(idleS, OUTSIDE, SPREAD);
  return known && known.high <= known.low * SPREAD ? known : null;
}

/**
 * What to do until the next request, where it is known when that comes. The head of the histogram of idle times tells when to be
 * ready and its tail when to give up, as in pre-warming (Shahrad et al., Serverless in the Wild, ATC'20, section 4.2), with pages of
 * a sandbox in the place of sandboxes.
 * @param pages that must be back by then
 * @param touched how many of them must have been touched by then, where that is dear
 */
export function expectedReturn(
  context: PolicyContext,
  idleS: number,
  pages: number,
  touched: number,
): ExpectedReturn | null {
  const { history, settings, clock, memory } = context;
  const idle = settings.recallAhead ? expectedIdle(history, idleS) : null;
  if (!idle || idle.low >= settings.keepAliveS) return null;
  // The way back takes real time, and may have to wait for the end of a step of semi-warm.
  const warmMs = memory.warms ? touched * memory.lookMsPerPage * history.crowding : 0;
  const backMs = history.recallAheadMs(pages * PAGE_BYTES) + warmMs;
  const leadS = (backMs / 1000) * clock.scale + settings.semiWarmStepS;
  const recallAtS = idle.low - leadS;
  if (recallAtS < idleS + WORTH_S) return null;
  return { recallAtS, giveUpAtS: idle.high * PATIENCE, rate: 1 / ((recallAtS - idleS) * LEAVING) };
}
