import { expect, test } from "bun:test";
import { random } from "../base/random.ts";
import { analyseTrace, loadClassOf, playKeepAlive, semiWarmDelayOf, semiWarmShares } from "./analysis.ts";
import type { TraceFunction } from "./trace.ts";

const fn = (arrivals: number[], duration = 1): TraceFunction => ({
  id: "f",
  arrivals: Float64Array.from(arrivals),
  durations: new Float64Array(arrivals.length).fill(duration),
});
const options = { keepAliveS: 100, executionScale: 1 };

test("one container: reuse intervals, lifetime and the semi-warm part of it", () => {
  const result = playKeepAlive(fn([0, 10, 60, 200]), options);
  expect(result.coldStarts).toBe(2);
  expect([...result.reuseIntervals]).toEqual([9, 49]);
  expect([...result.lifetimes]).toEqual([161, 101]);
  // Idle 9, 49 and 100 s, then 100 s; semi-warm after 30 s.
  expect([...semiWarmShares(result, 30)]).toEqual([(19 + 70) / 161, 70 / 101]);
});

test("the container used last is used first, and the others age", () => {
  // Two at once; then one at a time, always the same container; the other ends.
  const result = playKeepAlive(fn([0, 0.5, 20, 40, 90, 130]), options);
  expect(result.coldStarts).toBe(2);
  expect([...result.reuseIntervals]).toEqual([18.5, 19, 49, 39]);
  expect([...result.lifetimes]).toEqual([101, 230.5]);
});

test("executions hold containers longer by their scale", () => {
  expect(playKeepAlive(fn([0, 1.1]), { keepAliveS: 100, executionScale: 1 }).coldStarts).toBe(1);
  expect(playKeepAlive(fn([0, 1.1]), { keepAliveS: 100, executionScale: 1.2 }).coldStarts).toBe(2);
});

/** The same by scanning all containers at every arrival. */
function plain({ arrivals, durations }: TraceFunction, keepAliveS: number, executionScale: number) {
  const containers: { freeAt: number; startedAt: number }[] = [];
  const reuse: number[] = [];
  arrivals.forEach((now, i) => {
    const free = containers
      .filter((one) => one.freeAt <= now && now - one.freeAt <= keepAliveS)
      .toSorted((a, b) => b.freeAt - a.freeAt)[0];
    const used = free ?? { freeAt: 0, startedAt: now };
    if (free) reuse.push(now - free.freeAt);
    else containers.push(used);
    used.freeAt = now + durations[i]! * executionScale;
  });
  return { reuse, lifetimes: containers.map((one) => one.freeAt + keepAliveS - one.startedAt) };
}

test("agrees with a plain search over random traces", () => {
  const next = random(9);
  for (let round = 0; round < 30; round++) {
    let at = 0;
    const arrivals = Array.from({ length: 400 }, () => {
      at += next() < 0.05 ? next() * 900 : next() * 8;
      return at;
    });
    const one = fn(arrivals);
    one.durations.forEach((_, i) => {
      one.durations[i] = next() * 20;
    });
    const result = playKeepAlive(one, { keepAliveS: 300, executionScale: 1.2 });
    const expected = plain(one, 300, 1.2);
    expect([...result.reuseIntervals]).toEqual(expected.reuse);
    expect([...result.lifetimes].toSorted()).toEqual(expected.lifetimes.toSorted());
    expect(result.idle.length).toBe(expected.reuse.length + expected.lifetimes.length);
  }
});

test("the delay is the percentile, and at least the floor", () => {
  const result = playKeepAlive(fn(Array.from({ length: 101 }, (_, i) => (i * (i + 1)) / 2)), {
    keepAliveS: 1000,
    executionScale: 0,
  });
  expect(semiWarmDelayOf(result, 99)).toBe(99);
  expect(semiWarmDelayOf(result, 50)).toBe(60);
  expect(semiWarmDelayOf(result, 50, 0)).toBe(50);
});

test("load classes by invocations a day", () => {
  expect([511, 512, 64, 63].map((n) => loadClassOf(n, 86_400))).toEqual(["middle", "high", "middle", "low"]);
  const [one] = analyseTrace(
    { name: "t", source: "", spanS: 86_400, functions: [fn([0, 500])] },
    { ...options, percentile: 99 },
  );
  expect(one).toMatchObject({ rank: 0, invocations: 2, load: "low", coldStartRatio: 1, delayS: 60 });
});
