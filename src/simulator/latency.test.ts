import { expect, test } from "bun:test";
import { random } from "../base/random.ts";
import { Latency } from "./latency.ts";

const group = (gapMs: number, ...durations: number[]) => ({
  gapMs,
  requests: durations.map((durationMs) => ({ input: "", durationMs, addedMs: durationMs / 10 })),
});
const model = { coldMs: 0, slowdown: [], alone: [group(0, 8, 10, 12.5), group(400, 10, 20, 40)] };
const draws = (count: number, draw: () => number) =>
  Array.from({ length: count }, draw).toSorted((a, b) => a - b);

test("what is usual after a pause, times each multiple once before any comes again", () => {
  const latency = new Latency(model, random(1));
  for (const [gapMs, usualMs] of [
    [0, 10],
    [400, 20],
  ] as const) {
    const drawn = draws(6, () => latency.functionMs(gapMs, ""));
    for (const [i, multiple] of [0.5, 0.8, 1, 1, 1.25, 2].entries())
      expect(drawn[i]).toBeCloseTo(multiple * usualMs, 9);
  }
});

test("what is usual does not jump between the two ways that a function takes", () => {
  const means = [19, 21].map((slow) => {
    const both = Array.from({ length: 40 }, (_, i) => (i < slow ? 23 : 13));
    const latency = new Latency({ ...model, alone: [group(0, ...both), group(400, 18, 18)] }, random(1));
    const drawn = draws(42, () => latency.functionMs(400, ""));
    return drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length;
  });
  expect(means[1]! / means[0]!).toBeCloseTo(1, 1);
});

test("what the node adds is of the like pause only", () => {
  const latency = new Latency(model, random(1));
  expect(draws(6, () => latency.addedMs(0))).toEqual([0.8, 0.8, 1, 1, 1.25, 1.25]);
});

test("the pause most like the one asked for counts; before anything has ended it is endless", () => {
  const latency = new Latency(model, random(1));
  for (const gapMs of [300, 90_000, Number.POSITIVE_INFINITY])
    expect(draws(3, () => latency.addedMs(gapMs))).toEqual([1, 2, 4]);
  expect(draws(3, () => latency.addedMs(-5))).toEqual([0.8, 1, 1.25]);
});

test("an input that was measured often takes what it took; what was rare, or never measured, what the rare ones took", () => {
  const request = (input: string, durationMs: number) => ({ input, durationMs, addedMs: 0 });
  const often = Array.from({ length: 12 }, () => request("often", 10));
  const rare = [request("one", 80), request("other", 160)];
  const [latency, onlyOften] = [[...often, ...rare], often].map(
    (requests) => new Latency({ ...model, alone: [{ gapMs: 0, requests }] }, random(1)),
  );
  for (const ms of draws(30, () => latency!.functionMs(0, "often"))) expect(ms).toBeCloseTo(10, 9);
  for (const input of ["one", "other", "new"]) {
    const drawn = draws(2, () => latency!.functionMs(0, input));
    expect(drawn[0]).toBeCloseTo(80, 9);
    expect(drawn[1]).toBeCloseTo(160, 9);
  }
  expect(onlyOften!.functionMs(0, "new")).toBeCloseTo(10, 9);
});
