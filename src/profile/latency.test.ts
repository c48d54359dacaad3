import { expect, test } from "bun:test";
import { inTurns } from "./latency.ts";
import { inputKey } from "./model.ts";

const watched = async (durationMs: (gapMs: number) => number) => {
  const gaps: number[] = [];
  let turn = 0;
  const groups = await inTurns(
    () => ({ id: turn++ }),
    async (gapMs, context) => {
      gaps.push(gapMs);
      return { durationMs: durationMs(gapMs), addedMs: (context as { id: number }).id };
    },
  );
  return { gaps, groups, sizes: groups.map(({ gapMs, requests }) => [gapMs, requests.length]) };
};

test("one request after each pause in turns, so that no pause has the machine's fast minute to itself", async () => {
  const { gaps, sizes } = await watched(() => 10);
  expect(sizes).toEqual([
    [0, 40],
    [100, 40],
    [400, 40],
    [1500, 40],
  ]);
  expect(gaps.slice(0, 8)).toEqual([0, 100, 400, 1500, 0, 100, 400, 1500]);
});

test("slow functions get fewer requests, but never too few for a median", async () => {
  const { sizes } = await watched((gapMs) => (gapMs === 1500 ? 5000 : 1000));
  expect(sizes).toEqual([
    [0, 8],
    [100, 8],
    [400, 8],
    [1500, 6],
  ]);
});

test("in each turn all pauses have the same input", async () => {
  const { groups } = await watched(() => 10);
  const sent = Array.from({ length: 40 }, (_, id) => ({
    input: inputKey({ id }),
    durationMs: 10,
    addedMs: id,
  }));
  for (const { requests } of groups) expect(requests).toEqual(sent);
});
