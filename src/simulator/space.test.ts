import { expect, test } from "bun:test";
import { none, pageRange } from "../memory/page-runs.ts";
import { VirtualClock } from "./clock.ts";
import { Cores } from "./cores.ts";
import { SimulatedSpace } from "./space.ts";

const costs = {
  ...{ faultMs: 1, faultPageMs: 0.1, restorePageMs: 0.05, evictPageMs: 0.01, cores: 2 },
  lookPageMs: 0.005,
};

test("what came back in bulk is touched for the first time once, by a request or ahead of it", async () => {
  const clock = new VirtualClock(1);
  const space = new SimulatedSpace(
    clock,
    new Cores(clock, [], 2),
    costs,
    () => {},
    () => {},
  );
  const { signal } = new AbortController();
  const all = pageRange(0, 1000);
  space.hold(all);
  space.evict(all);
  await clock.run(60, signal);
  space.prefetch(pageRange(0, 600));
  await clock.run(120, signal);
  expect(space.remote.pages).toBe(400);
  expect(space.warms).toBe(true);
  expect(space.takeFresh(pageRange(500, 500))).toBe(100); // the others are away still: their faults' cost has it
  expect(space.takeFresh(pageRange(500, 500))).toBe(0);
  space.warm(pageRange(0, 200), pageRange(200, 100));
  expect(space.takeFresh(all)).toBe(200);
  space.recall(space.remote, 7, 1);
  expect(space.takeFresh(all)).toBe(0);
  expect(space.remote).toEqual(none);
});
