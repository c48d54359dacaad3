/** How the invocations of a minute are laid out in it, as other tools that expand these counts call it. */
export const spreads = ["uniform", "exponential", "equidistant"] as const;
export type Spread = (typeof spreads)[number];

const MINUTE_S = 60;

/** Writes `count` ascending moments of the minute that begins at `startS` into a column. */
export function spreadInto(
  into: Float64Array,
  from: number,
  count: number,
  startS: number,
  spread: Spread,
  next: () => number,
): void {
  if (spread === "equidistant") {
    for (let i = 0; i < count; i++) into[from + i] = startS + ((i + 0.5) * MINUTE_S) / count;
  } else if (spread === "uniform") {
    for (let i = 0; i < count; i++) into[from + i] = startS + next() * MINUTE_S;
    if (count > 1) into.subarray(from, from + count).sort();
  } else {
    // Exponential gaps, scaled so that what comes after the last one ends the minute.
    let total = 0;
    for (let i = 0; i < count; i++) {
      total -= Math.log(1 - next());
      into[from + i] = total;
    }
    total -= Math.log(1 - next());
    for (let i = from; i < from + count; i++) into[i] = startS + (into[i]! / total) * MINUTE_S;
  }
}

/** `count` moments of a minute in seconds, ascending. */
export function spreadOver(count: number, spread: Spread, next: () => number): Float64Array {
  const moments = new Float64Array(count);
  spreadInto(moments, 0, count, 0, spread, next);
  return moments;
}
