import { expect, test } from "bun:test";
import { random as createRandom } from "../base/random.ts";
import { ReuseIntervals } from "./reuse-intervals.ts";

test("the quantiles of known distributions are found within a bucket", () => {
  const random = createRandom(7);
  for (const draw of [() => 30 + random() * 600, () => -120 * Math.log(1 - random())]) {
    const intervals = new ReuseIntervals();
    const all = Array.from({ length: 4000 }, draw);
    for (const one of all) intervals.record(one);
    const sorted = all.toSorted((a, b) => a - b);
    for (const quantile of [0.5, 0.9, 0.99]) {
      const exact = sorted[Math.floor(quantile * sorted.length)]!;
      expect(intervals.quantile(quantile)! / exact).toBeWithin(0.88, 1.2);
    }
  }
});

test("nothing is said before there are enough observations", () => {
  const intervals = new ReuseIntervals();
  for (let i = 0; i < 19; i++) intervals.record(100);
  expect(intervals.quantile(0.99)).toBeNull();
  intervals.record(100);
  expect(intervals.quantile(0.99)).toBeWithin(100, 107);
});

test("the range of long idle times leaves out the shortest and the longest, and needs ten of them", () => {
  const intervals = new ReuseIntervals();
  for (let i = 0; i < 100; i++) intervals.record(5);
  for (let i = 0; i < 9; i++) intervals.record(300);
  expect(intervals.rangeAbove(60, 0.02)).toBeNull();
  for (let i = 0; i < 91; i++) intervals.record(300);
  const range = intervals.rangeAbove(60, 0.02)!;
  expect(range).toEqual({ low: 300, high: 300 });
  intervals.record(70);
  intervals.record(3000);
  expect(intervals.rangeAbove(60, 0.02)).toEqual(range);
  expect(intervals.rangeAbove(60, 0)).toEqual({ low: 70, high: 3000 });
  expect(intervals.rangeAbove(400, 0.02)).toBeNull();
  for (let i = 0; i < 100; i++) intervals.record(200); // what was long ago counts no more
  expect(intervals.rangeAbove(60, 0)).toEqual({ low: 200, high: 200 });
});

test("the range is that of the first of groups that lie far apart, and of all where they do not", () => {
  const of = (...groups: [number, number][]) => {
    const intervals = new ReuseIntervals();
    for (const [count, seconds] of groups) for (let i = 0; i < count; i++) intervals.record(seconds);
    return intervals;
  };
  const left = of([40, 300], [12, 600]);
  expect(left.rangeAbove(15, 0.02, 1.5)).toEqual({ low: 300, high: 300 });
  expect(left.rangeAbove(330, 0.02, 1.5)).toEqual({ low: 600, high: 600 });
  expect(left.rangeAbove(15, 0.02)).toEqual({ low: 300, high: 600 });
  // One that is neither counts as little as one at the ends.
  expect(of([40, 300], [1, 440], [12, 600]).rangeAbove(15, 0.02, 1.5)).toEqual({ low: 300, high: 300 });
  expect(of([40, 300], [3, 440], [12, 600]).rangeAbove(15, 0.02, 1.5)).toEqual({ low: 300, high: 600 });
  expect(of([40, 300], [12, 420]).rangeAbove(15, 0.02, 1.5)).toEqual({ low: 300, high: 420 });
  // Too few of them are no group.
  expect(of([9, 300], [40, 600]).rangeAbove(15, 0.02, 1.5)).toEqual({ low: 300, high: 600 });
  const anyTime = of(...Array.from({ length: 60 }, (_, i): [number, number] => [1, 20 * 1.06 ** i]));
  expect(anyTime.rangeAbove(15, 0.02, 1.5)).toEqual(anyTime.rangeAbove(15, 0.02));
});

test("a changed load is learned, and the old one forgotten", () => {
  const intervals = new ReuseIntervals();
  for (let i = 0; i < 5000; i++) intervals.record(1000);
  for (let i = 0; i < 4000; i++) intervals.record(20);
  expect(intervals.quantile(0.99)).toBeLessThan(30);
});

test("what was learned survives a restart", () => {
  const before = new ReuseIntervals();
  for (let i = 0; i < 300; i++) before.record(1 + (i % 200));
  const after = new ReuseIntervals();
  after.load(JSON.parse(JSON.stringify(before.save())));
  expect(after.samples).toBe(300);
  expect(after.rangeAbove(60, 0.02)).toEqual(before.rangeAbove(60, 0.02));
  for (const quantile of [0.1, 0.5, 0.99]) expect(after.quantile(quantile)).toBe(before.quantile(quantile)!);
});
