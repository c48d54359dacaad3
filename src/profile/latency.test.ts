import { expect, test } from "bun:test";
import { inTurns } from "./latency.ts";

const watched = async (durationMs: (gapMs: number) => number) => {
  const gaps: number[] = [];
  const groups = await inTurns(async (gapMs) => {
    gaps.push(gapMs);
    return { durationMs: durationMs(gapMs), addedMs: 1 };
  });
  return { gaps, groups: groups.map(({ gapMs, requests }) => [gapMs, requests.length]) };
};

test("one request after each pause in turns, so that no pause has the machine's fast minute to itself", async () => {
  const { gaps, groups } = await watched(() => 10);
  expect(groups).toEqual([
    [0, 40],
    [100, 40],
    [400, 40],
    [1500, 40],
  ]);
  expect(gaps.slice(0, 8)).toEqual([0, 100, 400, 1500, 0, 100, 400, 1500]);
});

test("slow functions get fewer requests, but never too few for a median", async () => {
  const { groups } = await watched((gapMs) => (gapMs === 1500 ? 5000 : 1000));
  expect(groups).toEqual([
    [0, 8],
    [100, 8],
    [400, 8],
    [1500, 6],
  ]);
});
