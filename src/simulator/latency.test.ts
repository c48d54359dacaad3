import { expect, test } from "bun:test";
import { random } from "../base/random.ts";
import { Latency } from "./latency.ts";

const group = (gapMs: number, ...durations: number[]) => ({
  gapMs,
  requests: durations.map((durationMs) => ({ durationMs, addedMs: durationMs / 10 })),
});
const model = { coldMs: 0, slowdown: [], alone: [group(0, 8, 10, 40), group(400, 18, 20, 22)] };
const draws = (count: number, draw: () => number) =>
  Array.from({ length: count }, draw).toSorted((a, b) => a - b);

test("what is usual after a pause, times each multiple once before any comes again", () => {
  const latency = new Latency(model, random(1));
  const multiples = [0.8, 0.9, 1, 1, 1.1, 4];
  expect(draws(6, () => latency.functionMs(0))).toEqual(multiples.map((one) => one * 10));
  expect(draws(6, () => latency.functionMs(400))).toEqual(multiples.map((one) => one * 20));
});

test("what the node adds is of the like pause only", () => {
  const latency = new Latency(model, random(1));
  expect(draws(6, () => latency.addedMs(0))).toEqual([0.8, 0.8, 1, 1, 4, 4]);
});

test("the pause most like the one asked for counts; before anything has ended it is endless", () => {
  const latency = new Latency(model, random(1));
  for (const gapMs of [300, 90_000, Number.POSITIVE_INFINITY])
    expect(draws(3, () => latency.addedMs(gapMs))).toEqual([1.8, 2, 2.2]);
  expect(draws(3, () => latency.addedMs(-5))).toEqual([0.8, 1, 4]);
});
