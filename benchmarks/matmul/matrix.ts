import { random } from "../../src/base/random.ts";

/** Rows and columns that are worked on at once: three blocks of doubles fit in a level-1 cache. */
const BLOCK = 32;

/** n x n doubles in [0, 1), row by row. */
export function randomMatrix(n: number, seed: number): Float64Array {
  const next = random(seed);
  return Float64Array.from({ length: n * n }, next);
}

/** The product of two n x n matrices, both row by row. */
export function multiply(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const c = new Float64Array(n * n);
  for (let k0 = 0; k0 < n; k0 += BLOCK) {
    const k1 = Math.min(n, k0 + BLOCK);
    for (let i = 0; i < n; i++) {
      const row = i * n;
      for (let k = k0; k < k1; k++) {
        const factor = a[row + k]!;
        const other = k * n;
        for (let j = 0; j < n; j++) c[row + j]! += factor * b[other + j]!;
      }
    }
  }
  return c;
}
