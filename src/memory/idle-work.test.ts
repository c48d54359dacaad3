import { expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { IdleWork } from "./idle-work.ts";
import { RequestsFirst } from "./requests-first.ts";

test("what an answer need not wait for begins after it; a request that comes before puts that off, but not twice in a row", async () => {
  const clock = new ManualClock();
  const idle = new IdleWork(clock, new RequestsFirst(clock));
  let began = 0;
  const look = async () => {
    began++;
  };
  const end = async () => {
    idle.requestEnd();
    idle.afterAnswer(() => idle.whenQuiet(look));
    for (let i = 0; i < 10; i++) await null;
  };
  await end();
  expect(began).toBe(0);
  await clock.pass(0);
  expect(began).toBe(1);
  await end();
  idle.requestStart();
  await clock.pass(0);
  expect(began).toBe(1);
  await end();
  expect(began).toBe(2);
  idle.requestStart();
  await end();
  expect(began).toBe(2);
  await clock.pass(0);
  expect(began).toBe(3);
});
