import { expect, test } from "bun:test";
import { random } from "./random.ts";

test("the same seed gives the same numbers, another seed others", () => {
  const take = (seed: number) => Array.from({ length: 5 }, random(seed));
  expect(take(1)).toEqual(take(1));
  expect(take(1)).not.toEqual(take(2));
});

test("numbers are uniform in [0, 1)", () => {
  const next = random(3);
  const bins = new Array(20).fill(0);
  const n = 200_000;
  for (let i = 0; i < n; i++) bins[Math.floor(next() * 20)]++;
  const expected = n / 20;
  const chiSquare = bins.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
  expect(chiSquare).toBeLessThan(43.8); // 99.9 % point of chi-square with 19 degrees of freedom
});
