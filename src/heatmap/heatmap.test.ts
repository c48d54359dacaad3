import { expect, test } from "bun:test";
import { type Frame, heatmapOf } from "./heatmap.ts";

const frame = (atS: number, sandbox: string, ...local: [string, [number, number][]][]): Frame => ({
  atS,
  sandbox,
  local: local.map(([mapping, runs]) => ({ mapping, runs })),
});

test("shares are of what was ever local, blocks in the order of addresses, holes left out", () => {
  const map = heatmapOf([
    frame(0, "a", ["heap", [[0, 16]]]),
    frame(1, "b", ["heap", [[0, 32]]], ["stack", [[1000, 8]]]),
    frame(2, "b", ["heap", [[8, 12]]]),
    frame(3, "b", ["stack", [[1000, 4]]]),
  ])!;
  expect(map).toEqual({
    sandbox: "b",
    atS: [1, 2, 3],
    rowPages: [16, 16, 8],
    local: [
      [1, 1, 1],
      [0.5, 0.25, 0],
      [0, 0, 0.5],
    ],
  });
});

test("a large sandbox has no more rows than can be seen, and every page counts", () => {
  const map = heatmapOf([frame(0, "a", ["heap", [[0, 100_000]]]), frame(1, "a", ["heap", [[0, 50_000]]])])!;
  expect(map.rowPages.length).toBeLessThanOrEqual(120);
  expect(map.rowPages.reduce((a, b) => a + b)).toBe(100_000);
  const local = map.local[1]!.reduce((sum, share, row) => sum + share * map.rowPages[row]!, 0);
  expect(local).toBeCloseTo(50_000);
});

test("nothing seen is nothing drawn", () => {
  expect(heatmapOf([])).toBeNull();
});
