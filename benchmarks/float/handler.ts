import { contextNumber } from "../context.ts";

/** Sums sine, cosine and square root of 0 to n - 1. */
export function handler(context: unknown): { n: number; sin: number; cos: number; sqrt: number } {
  const n = contextNumber(context, "n", { fallback: 100_000, most: 100_000_000 });
  let [sin, cos, sqrt] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    sin += Math.sin(i);
    cos += Math.cos(i);
    sqrt += Math.sqrt(i);
  }
  return { n, sin, cos, sqrt };
}
