import { expect, test } from "bun:test";
import { random } from "../base/random.ts";
import { type KeepAlive, playKeepAlive } from "./keep-alive.ts";
import type { TraceFunction } from "./trace.ts";

const fn = (arrivals: number[], duration = 1): TraceFunction => ({
  id: "f",
  arrivals: Float64Array.from(arrivals),
  durations: new Float64Array(arrivals.length).fill(duration),
});
const options = { keepAliveS: 100, executionScale: 1 };

/** [lifetime, semi-warm seconds] of each container, in the order of their starts. */
function lives(played: KeepAlive, delayS: number): [number, number][] {
  const found: [number, number][] = [];
  played.forEachContainer(delayS, (lifetime, share) => found.push([lifetime, share * lifetime]));
  return found;
}

test("one container: lifetime and the semi-warm part of it", () => {
  const played = playKeepAlive(fn([0, 10, 60, 200]), options, 0);
  expect(played.containers).toBe(2);
  // Idle 9, 49 and 100 s, then 100 s; semi-warm after 30 s.
  expect(lives(played, 30)).toEqual([
    [161, 19 + 70],
    [101, 70],
  ]);
});

test("the container used last is used first, and the others age", () => {
  // Two at once; then one at a time, always the same container; the other ends.
  const played = playKeepAlive(fn([0, 0.5, 20, 40, 90, 130]), options, 0);
  expect(played.containers).toBe(2);
  expect(lives(played, 100).map(([lifetime]) => lifetime)).toEqual([101, 230.5]);
});

test("executions hold containers longer by their scale", () => {
  expect(playKeepAlive(fn([0, 1.1]), { keepAliveS: 100, executionScale: 1 }).containers).toBe(1);
  expect(playKeepAlive(fn([0, 1.1]), { keepAliveS: 100, executionScale: 1.2 }).containers).toBe(2);
});

/** The same by scanning all containers at every arrival. */
function plain({ arrivals, durations }: TraceFunction, keepAliveS: number, executionScale: number) {
  const containers: { freeAt: number; startedAt: number; idle: number[] }[] = [];
  const reuse: number[] = [];
  arrivals.forEach((now, i) => {
    const free = containers
      .filter((one) => one.freeAt <= now && now - one.freeAt <= keepAliveS)
      .toSorted((a, b) => b.freeAt - a.freeAt)[0];
    const used = free ?? { freeAt: 0, startedAt: now, idle: [] };
    if (free) {
      reuse.push(now - free.freeAt);
      free.idle.push(now - free.freeAt);
    } else containers.push(used);
    used.freeAt = now + durations[i]! * executionScale;
  });
  reuse.sort((a, b) => a - b);
  return { containers, reuse };
}

test("agrees with a plain search over random traces, crowds of containers among them", () => {
  const next = random(9);
  for (let round = 0; round < 40; round++) {
    const crowd = round % 4 === 3;
    let at = 0;
    const arrivals = Array.from({ length: crowd ? 3000 : 400 }, () => {
      at += next() < 0.05 ? next() * 900 : next() * (crowd ? 0.02 : 8);
      return at;
    });
    const one = fn(arrivals);
    for (const i of arrivals.keys()) one.durations[i] = next() * 20;
    const played = playKeepAlive(one, { keepAliveS: 300, executionScale: 1.2 });
    const expected = plain(one, 300, 1.2);
    expect(played.containers).toBe(expected.containers.length);
    const delay = Math.max(60, expected.reuse[Math.ceil(0.9 * expected.reuse.length) - 1]!);
    expect(played.delayS(90)).toBe(delay);
    const found = lives(played, delay);
    expected.containers.forEach((container, i) => {
      const semiWarm = [...container.idle, 300].reduce((sum, idle) => sum + Math.max(0, idle - delay), 0);
      expect(found[i]![0]).toBeCloseTo(container.freeAt + 300 - container.startedAt, 6);
      expect(found[i]![1]).toBeCloseTo(semiWarm, 6);
    });
  }
});

test("the delay is the percentile, and at least the floor", () => {
  const arrivals = fn(Array.from({ length: 101 }, (_, i) => (i * (i + 1)) / 2));
  const whole = { keepAliveS: 1000, executionScale: 0 };
  expect(playKeepAlive(arrivals, whole).delayS(99)).toBe(99);
  expect(playKeepAlive(arrivals, whole).delayS(50)).toBe(60);
  expect(playKeepAlive(arrivals, whole, 0).delayS(50)).toBe(50);
  expect(playKeepAlive(fn([5]), whole).delayS(99)).toBe(60);
});
