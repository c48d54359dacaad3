/** A mean over repeats with its 95 % confidence interval. */
export interface Estimate {
  mean: number;
  /** Half the width of the interval; null for fewer than two values. */
  half: number | null;
  n: number;
}

/** Quantiles of Student's t distribution at 0.975 for 1 to 30 degrees of freedom (any table of it). */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const Z = 1.959964;

/** Above 30: the first terms of Fisher and Cornish's expansion, exact to four digits there. */
const tQuantile = (degrees: number): number =>
  T[degrees - 1] ??
  Z + (Z ** 3 + Z) / (4 * degrees) + (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / (96 * degrees ** 2);

/** null for no values. */
export function estimate(values: readonly number[]): Estimate | null {
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, half: null, n };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, half: tQuantile(n - 1) * Math.sqrt(variance / n), n };
}
