import { expect, test } from "bun:test";
import { loads, loadsTrace } from "./loads-trace.ts";

const trace = loadsTrace();
const gapsOf = (name: (typeof loads)[number]) => {
  const { arrivals } = trace.functions[loads.indexOf(name)]!;
  return [...arrivals].slice(1).map((at, i) => at - arrivals[i]!);
};

test("each load has the gaps that its name promises, and the trace is always the same", () => {
  const high = gapsOf("high");
  expect(high.reduce((sum, gap) => sum + gap, 0) / high.length).toBeCloseTo(1, 1);
  const bursty = gapsOf("bursty");
  expect(bursty.filter((gap) => gap > 299).length * 20).toBe(bursty.length - 19);
  expect(bursty.filter((gap) => gap > 0.2 && gap < 299)).toEqual([]);
  const steady = gapsOf("steady");
  expect(Math.min(...steady)).toBeGreaterThanOrEqual(60);
  expect(Math.max(...steady)).toBeLessThanOrEqual(180);
  const rare = gapsOf("rare");
  const pauses = rare.filter((gap) => gap > 60);
  expect(Math.min(...pauses)).toBeGreaterThan(500);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(3600);
  expect(rare.length - pauses.length).toBeLessThanOrEqual(4 * (pauses.length + 1));
  expect(loadsTrace()).toEqual(trace);
});

test("functions are ranked, most arrivals first", () => {
  const counts = trace.functions.map((fn) => fn.arrivals.length);
  expect(counts).toEqual(counts.toSorted((a, b) => b - a));
});
