import { expect, test } from "bun:test";
import { handler } from "./handler.ts";

test("the sums are those of their closed forms", () => {
  const { sin, cos, sqrt } = handler({ n: 100_000 });
  // Lagrange's identities; Euler-Maclaurin with zeta(-1/2).
  const n = 100_000;
  expect(sin).toBeCloseTo((Math.sin((n - 1) / 2) * Math.sin(n / 2)) / Math.sin(0.5), 6);
  expect(cos).toBeCloseTo((Math.cos((n - 1) / 2) * Math.sin(n / 2)) / Math.sin(0.5), 6);
  expect(sqrt).toBeCloseTo((2 / 3) * n ** 1.5 - n ** 0.5 / 2 - 0.207886224977355 + 1 / (24 * n ** 0.5), 3);
  expect(() => handler({ n: -1 })).toThrow("n must be");
});
