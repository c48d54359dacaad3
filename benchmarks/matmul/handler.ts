import { contextNumber } from "../context.ts";
import { multiply, randomMatrix } from "./matrix.ts";

/** Multiplies two random matrices; answers with the trace of the product and the sum of its elements. */
export function handler(context: unknown): { n: number; trace: number; sum: number } {
  const n = contextNumber(context, "n", { fallback: 1000, most: 4000 });
  const seed = contextNumber(context, "seed", { fallback: 1, most: 2 ** 32 });
  const c = multiply(randomMatrix(n, seed), randomMatrix(n, seed + 1), n);
  let [trace, sum] = [0, 0];
  for (let i = 0; i < n; i++) trace += c[i * n + i]!;
  for (const value of c) sum += value;
  return { n, trace, sum };
}
