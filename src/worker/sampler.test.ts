import { expect, test } from "bun:test";
import { createClock } from "../base/clock.ts";
import { RequestsFirst } from "../memory/requests-first.ts";
import type { FunctionPool } from "./pool.ts";
import { MemorySampler } from "./sampler.ts";

test("a sample waits until a processor is left over", async () => {
  let samples = 0;
  const localBytes = async () => ++samples;
  const pool = { sandboxes: [{ localBytes, space: null }] } as unknown as FunctionPool;
  const clock = createClock(1);
  const requests = new RequestsFirst(clock, 1);
  requests.requestStarted();
  const sampler = new MemorySampler(clock, new Map([["fn", pool]]), requests, 10);
  await Bun.sleep(100);
  expect(samples).toBe(0);
  requests.requestEnded();
  await Bun.sleep(100);
  expect(samples).toBeGreaterThan(0);
  sampler.stop();
});
