/** The q-quantile by linear interpolation between order statistics (R type 7); undefined for no values. */
export function quantile(values: readonly number[], q: number): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (place - low);
}

/** The middle one of some values, or of two the mean. @param values at least one */
export const median = (values: readonly number[]): number => quantile(values, 0.5)!;
