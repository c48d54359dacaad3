import { expect, test } from "bun:test";
import { none, PageRuns, pageRange } from "../memory/page-runs.ts";
import { playRecall } from "./faults.ts";

const costs = {
  faultMs: 1,
  faultPageMs: 0.1,
  restorePageMs: 0.05,
  evictPageMs: 0.01,
  lookPageMs: 0,
  cores: 2,
};
const runs = (...edges: number[]) => new PageRuns(Int32Array.from(edges));

test("nothing away costs nothing", () => {
  const played = playRecall(pageRange(0, 64), 10, none, none, 1, costs);
  expect(played).toMatchObject({ stallMs: 0, faults: 0 });
  expect(played.totalMs).toBeCloseTo(10);
});

test("one fault brings the aligned block around it, as far as that is away", () => {
  // Wants page 70; of its block 64 to 128 the pages 64 to 84 are away: 1 + 20 x 0.1.
  const played = playRecall(runs(70, 71), 10, runs(0, 10, 64, 84), none, 1, costs);
  expect(played.faults).toBe(1);
  expect(played.stallMs).toBeCloseTo(3);
  expect(played.totalMs).toBeCloseTo(13);
  expect([...played.fetched.runs]).toEqual([64, 84]);
});

test("a walk is read ahead of: its next block is on its way while the program works", () => {
  // Three blocks, all away. 0 and 1 fault (7.4 each); with the second comes block 2, on its way for another 6.4. The program works 2
  // of those, and waits for the rest, which is no fault.
  const played = playRecall(pageRange(0, 192), 6, pageRange(0, 192), none, 1, costs);
  expect(played.faults).toBe(2);
  expect(played.stallMs).toBeCloseTo(7.4 + 7.4);
  expect(played.totalMs).toBeCloseTo(7.4 + 2 + 7.4 + 6.4 + 2);
  expect(played.fetched.pages).toBe(192);
});

test("beside a bulk restore the request gets its share of the cores, and finds pages that are back", () => {
  // One core wanted beside a restore that wants two: both get two thirds. 64 pages at 0.05 are back after 4.8; the request
  // works 6 of 12 on pages that are here, until 9, and then finds the others.
  const played = playRecall(runs(0, 64, 640, 704), 12, runs(640, 704), runs(640, 704), 1, costs);
  expect(played.faults).toBe(0);
  expect(played.totalMs).toBeCloseTo(4.8 + (12 - 4.8 / 1.5));
  expect(played.fetched.pages).toBe(0);
});
