import { expect, test } from "bun:test";
import { random } from "../base/random.ts";
import { analyse, loadClassOf, referenceAnalysis, semiwarmDocument, sourceOf } from "./analysis.ts";
import { Distribution, quantileOfPoints, seconds, shares } from "./distribution.ts";
import type { Trace } from "./trace.ts";

const trace: Trace = {
  name: "t",
  source: "",
  spanS: 86_400,
  functions: [
    { id: "f", arrivals: Float64Array.of(0, 500), durations: Float64Array.of(1, 1) },
    {
      id: "g",
      arrivals: Float64Array.from({ length: 100 }, (_, i) => i * 800),
      durations: new Float64Array(100).fill(10),
    },
  ],
};

test("load classes by invocations a day", () => {
  expect([511, 512, 64, 63].map((n) => loadClassOf(n, 86_400))).toEqual(["middle", "high", "middle", "low"]);
});

test("a trace is summed up by load class", async () => {
  const steps: number[] = [];
  const [high, middle, low] = await analyse(
    sourceOf(trace),
    { keepAliveS: 600, executionScale: 1, percentile: 99 },
    (done) => steps.push(done),
  );
  expect(steps.at(-1)).toBe(2);
  expect(high).toMatchObject({
    functions: 0,
    containers: 0,
    coldStartRatio: 0,
    lifetimeS: [],
    medianDelayS: null,
  });
  // Every arrival of g finds its container gone: 10 s at work, 600 s idle, semi-warm from the 60th second of that.
  expect(middle).toMatchObject({ functions: 1, invocations: 100, containers: 100, coldStartRatio: 1 });
  expect(middle).toMatchObject({ medianDelayS: 60, lifetimeS: [[610, 1]], semiWarmShare: [[540 / 610, 1]] });
  // f: 499 s idle, which is its P99 too, then 600.
  expect(low).toMatchObject({
    containers: 1,
    coldStartRatio: 0.5,
    medianDelayS: 499,
    lifetimeS: [[1101, 1]],
  });
  expect(low!.semiWarmShare).toEqual([[101 / 1101, 1]]);
});

test("the document of the experiment keeps its parameters and nothing for tables", async () => {
  const document = await semiwarmDocument(trace, { keepAliveS: 300 });
  expect(document).toMatchObject({ keepAliveS: 300, percentile: 99 });
  expect(Object.keys(document.classes[0]!)).toEqual(
    "load functions invocations containers coldStartRatio semiWarmShare lifetimeS".split(" "),
  );
});

test("an analysis can be stopped", async () => {
  const stop = new AbortController();
  const endless = {
    ...{ functions: 1e9, spanS: 86_400 },
    play: () => {
      if (performance.now() > 0) stop.abort(new Error("stopped"));
    },
  };
  expect(analyse(endless, referenceAnalysis, undefined, stop.signal)).rejects.toThrow("stopped");
});

test("points of a distribution are exact, and 200 at most", () => {
  const next = random(4);
  for (const make of [seconds, shares, () => new Distribution(1, () => 0)]) {
    const distribution = make();
    const values = Array.from({ length: 5000 }, () => next() ** 3);
    for (const value of values) distribution.add(value);
    const points = distribution.points();
    expect(points.length).toBeLessThanOrEqual(200);
    expect(points.at(-1)).toEqual([Math.max(...values), 1]);
    for (const [value, share] of points)
      expect(share).toBe(values.filter((one) => one <= value).length / values.length);
  }
  expect(quantileOfPoints([], 0.5)).toBeNull();
});
