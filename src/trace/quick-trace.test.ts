import { expect, test } from "bun:test";
import { QUICK_WINDOW_S, quickTrace } from "./quick-trace.ts";

test("the embedded trace is a low-load function with idle gaps, the same each time", () => {
  const arrivals = [...quickTrace().functions[0]!.arrivals];
  expect(arrivals).toEqual([...quickTrace().functions[0]!.arrivals]);
  expect(arrivals).toEqual(arrivals.toSorted((a, b) => a - b));
  expect(arrivals.length).toBeGreaterThanOrEqual(10);
  expect(arrivals.at(-1)!).toBeLessThan(QUICK_WINDOW_S - 60);
  const gaps = arrivals.slice(1).map((at, i) => at - arrivals[i]!);
  expect(gaps.filter((gap) => gap > 60).length).toBeGreaterThanOrEqual(3);
});
