import { expect, test } from "bun:test";
import { geometricMean } from "./geometric-mean.ts";

test("a half and a double make one", () => {
  expect(geometricMean([0.5, 2])).toBeCloseTo(1);
  expect(geometricMean([])).toBeNull();
  expect(geometricMean([0, 1])).toBeNull();
});
