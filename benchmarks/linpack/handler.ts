import { random } from "../../src/base/random.ts";
import { contextNumber } from "../context.ts";
import { normalisedResidual, solve } from "./solve.ts";

/** Solves a random dense system and answers with the norm of the solution and how exact it is. */
export function handler(context: unknown): { n: number; norm: number; residual: number } {
  const n = contextNumber(context, "n", { fallback: 1000, most: 4000 });
  const next = random(contextNumber(context, "seed", { fallback: 1, most: 2 ** 32 }));
  const a = Float64Array.from({ length: n * n }, () => next() - 0.5);
  const b = Float64Array.from({ length: n }, () => next() - 0.5);
  const x = solve(a.slice(), b.slice(), n);
  return { n, norm: Math.hypot(...x), residual: normalisedResidual(a, x, b, n) };
}
