/**
 * Solves A x = b by LU decomposition with partial pivoting (Golub and Van Loan, algorithm 3.4.1), in place.
 *
 * @param a n x n, row by row; overwritten
 * @param b n values; overwritten with x
 * @throws RangeError when the matrix is singular
 */
export function solve(a: Float64Array, b: Float64Array, n: number): Float64Array {
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]!) > Math.abs(a[pivot * n + k]!)) pivot = i;
    if (a[pivot * n + k] === 0) throw new RangeError("the matrix is singular");
    if (pivot !== k) {
      for (let j = 0; j < n; j++) {
        const kept = a[k * n + j]!;
        a[k * n + j] = a[pivot * n + j]!;
        a[pivot * n + j] = kept;
      }
      const kept = b[k]!;
      b[k] = b[pivot]!;
      b[pivot] = kept;
    }
    for (let i = k + 1; i < n; i++) {
      const factor = a[i * n + k]! / a[k * n + k]!;
      for (let j = k + 1; j < n; j++) a[i * n + j]! -= factor * a[k * n + j]!;
      b[i]! -= factor * b[k]!;
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = b[i]!;
    for (let j = i + 1; j < n; j++) sum -= a[i * n + j]! * b[j]!;
    b[i] = sum / a[i * n + i]!;
  }
  return b;
}

/** Largest |A x - b|, divided by |A| |x| n epsilon: below about 10 for a correct solution (LINPACK's own measure). */
export function normalisedResidual(a: Float64Array, x: Float64Array, b: Float64Array, n: number): number {
  let [worst, normA, normX] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    let sum = -b[i]!;
    for (let j = 0; j < n; j++) {
      sum += a[i * n + j]! * x[j]!;
      normA = Math.max(normA, Math.abs(a[i * n + j]!));
    }
    worst = Math.max(worst, Math.abs(sum));
    normX = Math.max(normX, Math.abs(x[i]!));
  }
  return worst / (n * normA * normX * Number.EPSILON);
}
