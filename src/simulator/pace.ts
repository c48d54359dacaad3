/** Pauses before requests that differ by less than this behave alike; milliseconds. */
export const SHORT_MS = 30;
/** Longer ones are alike, too. */
const LONG_MS = 1e6;

/** How unlike two pauses are: the logarithm of their ratio. @param gapMs up to infinity; below 0 counts as 0 */
export function paceDistance(gapMs: number, otherMs: number): number {
  const held = (ms: number) => Math.min(Math.max(0, ms), LONG_MS) + SHORT_MS;
  return Math.abs(Math.log(held(gapMs) / held(otherMs)));
}
