import { expect, test } from "bun:test";
import { random } from "../base/random.ts";
import { blocksOf, decodeRuns, encodeRuns, none, PageRuns, pageRange } from "./page-runs.ts";

const runs = (...edges: number[]) => new PageRuns(Int32Array.from(edges));
const numbers = (set: PageRuns) => {
  const all: number[] = [];
  for (let i = 0; i < set.runs.length; i += 2)
    for (let page = set.runs[i]!; page < set.runs[i + 1]!; page++) all.push(page);
  return all;
};

/** Random runs, never touching each other. */
function some(next: () => number): PageRuns {
  const edges: number[] = [];
  for (let at = Math.floor(next() * 5), i = 0; i < next() * 12; i++) {
    const end = at + 1 + Math.floor(next() * 6);
    edges.push(at, end);
    at = end + 1 + Math.floor(next() * 6);
  }
  return runs(...edges);
}

test("operations give what they give on plain sets of numbers, as runs that are sorted and apart", () => {
  const next = random(3);
  for (let i = 0; i < 2000; i++) {
    const [a, b] = [some(next), some(next)];
    const [as, bs] = [new Set(numbers(a)), new Set(numbers(b))];
    const sorted = (set: Set<number>) => [...set].toSorted((x, y) => x - y);
    const count = Math.floor(next() * 30);
    const cases: [PageRuns, number[]][] = [
      [a.union(b), sorted(as.union(bs))],
      [a.intersect(b), sorted(as.intersection(bs))],
      [a.subtract(b), sorted(as.difference(bs))],
      [a.first(count), sorted(as).slice(0, count)],
      [decodeRuns(encodeRuns(a)), sorted(as)],
    ];
    for (const [set, expected] of cases) {
      expect(numbers(set)).toEqual(expected);
      expect(set.pages).toBe(expected.length);
      for (let edge = 1; edge < set.runs.length; edge++)
        expect(set.runs[edge]!).toBeGreaterThan(set.runs[edge - 1]!);
    }
  }
});

test("a set with itself, and with nothing", () => {
  const set = runs(1, 4, 9, 10);
  expect(set.union(set)).toBe(set);
  expect(set.intersect(set)).toBe(set);
  expect(set.subtract(set).pages).toBe(0);
  expect(set.union(none)).toBe(set);
  expect(set.subtract(none)).toBe(set);
  expect(pageRange(5, 0)).toBe(none);
});

test("blocks are aligned and joined", () => {
  expect([...blocksOf(runs(3, 4, 60, 70, 200, 201), 64).runs]).toEqual([0, 128, 192, 256]);
});
