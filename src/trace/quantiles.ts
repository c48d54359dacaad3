/** A distribution by its quantiles; between two of them it is a line. */
export type Quantiles = readonly (readonly [quantile: number, value: number])[];

/** Where fits take quantiles: closer to the ends, where load shapes differ. */
const QUANTILES = [0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1];

/** Quantiles at those places. */
export const fitted = (...values: number[]): Quantiles =>
  QUANTILES.map((quantile, i) => [quantile, values[i]!]);

/** Values of a sample at these places: the smallest that is not below this share. @param sample ascending, not empty */
export const quantileValues = (sample: readonly number[], places: readonly number[]): number[] =>
  places.map((q) => sample[Math.max(0, Math.ceil(q * sample.length) - 1)]!);

/** The value at a quantile. */
export function draw(quantiles: Quantiles, at: number): number {
  let above = 1;
  while (above < quantiles.length - 1 && quantiles[above]![0] < at) above++;
  const [[from, low], [to, high]] = [quantiles[above - 1]!, quantiles[above]!];
  return low + ((high - low) * (at - from)) / (to - from);
}

/** Kolmogorov-Smirnov distance of two samples: the largest difference of their distribution functions. */
export function distance(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [a, b].map((values) => Float64Array.from(values).sort()) as [Float64Array, Float64Array];
  let [i, j, most] = [0, 0, 0];
  while (i < x.length && j < y.length) {
    const value = Math.min(x[i]!, y[j]!);
    while (i < x.length && x[i]! <= value) i++;
    while (j < y.length && y[j]! <= value) j++;
    most = Math.max(most, Math.abs(i / x.length - j / y.length));
  }
  return most;
}
