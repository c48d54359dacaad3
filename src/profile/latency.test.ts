import { expect, test } from "bun:test";
import { inTurns, joined } from "./latency.ts";
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

test("measurements that were joined weigh as much as they have requests", () => {
  const request = (durationMs: number) => ({ input: "", durationMs, addedMs: 1 });
  const measured = (ms: number, ...durations: number[]) => ({
    coldMs: ms,
    alone: [
      { gapMs: 0, requests: durations.map(request) },
      { gapMs: 100, requests: [request(ms)] },
    ],
    slowdown: [{ requests: 2, factor: ms }],
  });
  const twice = joined(measured(1, 10), measured(4, 40));
  expect(twice).toEqual({
    coldMs: 2.5,
    alone: [
      { gapMs: 0, requests: [request(10), request(40)] },
      { gapMs: 100, requests: [request(1), request(4)] },
    ],
    slowdown: [{ requests: 2, factor: 2.5 }],
  });
  expect(joined(twice, measured(10, 70)).coldMs).toBeCloseTo(5, 9);
});
