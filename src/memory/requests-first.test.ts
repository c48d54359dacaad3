import { expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { IdleWork } from "./idle-work.ts";
import { RequestsFirst } from "./requests-first.ts";

const crowd = (requests: RequestsFirst, count = 3) => {
  for (let i = 0; i < count; i++) requests.requestStarted();
};

test("work waits until a processor is left over", async () => {
  const requests = new RequestsFirst(new ManualClock(), 2);
  const done: string[] = [];
  requests.requestStarted();
  requests.whenQuiet(() => done.push("one request"));
  expect(done).toEqual(["one request"]);
  crowd(requests, 2);
  requests.whenQuiet(() => done.push("three"));
  const giveUp = requests.whenQuiet(() => done.push("given up"));
  requests.requestEnded();
  expect(giveUp()).toBe(true);
  expect(done).toEqual(["one request"]);
  requests.requestEnded();
  expect(done).toEqual(["one request", "three"]);
  expect(giveUp()).toBe(false);
});

test("requests that do not end hold work up for half a second of real time", async () => {
  const clock = new ManualClock();
  const requests = new RequestsFirst(clock, 1);
  crowd(requests);
  const at: number[] = [];
  requests.whenQuiet(() => at.push(clock.now()));
  await clock.pass(0.4 * clock.scale);
  expect(at).toEqual([]);
  await clock.pass(0.2 * clock.scale);
  expect(at).toHaveLength(1);
  for (let i = 0; i < 3; i++) requests.requestEnded();
  expect(at).toHaveLength(1); // not again
});

test("an idle sandbox's work gives way to requests of others, but not twice in a row", async () => {
  const clock = new ManualClock();
  const requests = new RequestsFirst(clock, 1);
  const idle = new IdleWork(clock, requests);
  crowd(requests);
  let [looks, urgent] = [0, 0];
  const look = async () => {
    looks++;
  };
  idle.requestEnd();
  idle.later(0, look);
  idle.laterUrgent(0, async () => {
    urgent++;
  });
  await clock.pass(0);
  expect([looks, urgent]).toEqual([0, 1]);
  idle.requestStart(); // before it is quiet
  idle.requestEnd();
  await clock.pass(1 * clock.scale);
  expect(looks).toBe(0); // what waited was for the idle time that has ended
  idle.later(0, look);
  await clock.pass(0);
  expect(looks).toBe(1);
  idle.later(0, look);
  await clock.pass(0);
  expect(looks).toBe(1);
  for (let i = 0; i < 3; i++) requests.requestEnded();
  await clock.pass(0);
  expect(looks).toBe(2);
});
