import { expect, test } from "bun:test";
import { random } from "../base/random.ts";
import { Latency } from "./latency.ts";

const group = (gapMs: number, ...durations: number[]) => ({
  gapMs,
  requests: durations.map((durationMs) => ({ durationMs, addedMs: durationMs / 10 })),
});
const model = { coldMs: 0, slowdown: [], alone: [group(0, 10, 11, 12), group(400, 20, 21)] };
const draws = (latency: Latency, of: "durationMs" | "addedMs", gapMs: number, count: number) =>
  Array.from({ length: count }, () => latency.draw(of, gapMs)).toSorted((a, b) => a - b);

test("every value that was measured comes once before any comes again", () => {
  const latency = new Latency(model, random(1));
  expect(draws(latency, "durationMs", 0, 3)).toEqual([10, 11, 12]);
  expect(draws(latency, "durationMs", 0, 6)).toEqual([10, 10, 11, 11, 12, 12]);
  expect(draws(latency, "addedMs", 0, 3)).toEqual([1, 1.1, 1.2]);
});

test("the pause most like the one asked for counts; before anything has ended it is endless", () => {
  const latency = new Latency(model, random(1));
  for (const gapMs of [300, 90_000, Number.POSITIVE_INFINITY])
    expect(draws(latency, "durationMs", gapMs, 2)).toEqual([20, 21]);
  expect(draws(latency, "durationMs", -5, 3)).toEqual([10, 11, 12]);
});
