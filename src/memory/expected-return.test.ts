import { expect, test } from "bun:test";
import { FunctionHistory } from "./history.ts";
import { init, sandbox } from "./simulated-sandbox.ts";

/** Of a function that a timer calls every five minutes; a few of its requests come right after others. */
function timed(): FunctionHistory {
  const history = new FunctionHistory();
  for (let i = 0; i < 40; i++) history.reuse.record(i % 4 === 0 ? 1 : 290 + (i % 9));
  history.recordDuration(0.001); // a recall would be far above the budget
  return history;
}

test("where the next request is expected, everything leaves, and is back before it", async () => {
  const { memory, clock, policy, request } = await sandbox({ semiWarmRate: 0.1 }, {}, true, timed());
  await request(1, 11);
  await clock.pass(200);
  expect(memory.resident.size).toBe(0);
  expect(policy.semiWarm).toBe(true);
  await clock.pass(82); // before the shortest, 290 s
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual([1, ...init]);
  expect(policy.semiWarm).toBe(false);
  expect((await memory.takeRecalled()).pages).toBe(0); // no request is blamed for it
  await clock.pass(70); // it did not come
  expect(memory.resident.size).toBe(0);
});

test("a sandbox that a burst leaves out: everything comes back before each time at which its request may come", async () => {
  const history = timed();
  for (let i = 0; i < 14; i++) history.reuse.record(586 + i);
  const { memory, clock, request } = await sandbox({ semiWarmRate: 0.1, keepAliveS: 900 }, {}, true, history);
  const all = [1, ...init];
  const local = () => [...memory.resident].toSorted((a, b) => a - b);
  await request(1, 11);
  await clock.pass(200);
  expect(local()).toEqual([]);
  await clock.pass(85);
  expect(local()).toEqual(all);
  await clock.pass(200);
  expect(local()).toEqual([]);
  await clock.pass(97);
  expect(local()).toEqual(all);
  await clock.pass(100);
  expect(local()).toEqual([]);
});

test("files are touched before an expected request, and what came back for it where first touches are dear", async () => {
  const { memory, clock, request } = await sandbox({ semiWarmRate: 0.1 }, {}, true, timed());
  const back = async () => {
    await request(1, 11);
    await clock.pass(282);
    return [...memory.resident].toSorted((a, b) => a - b);
  };
  await back();
  expect(memory.warmed).toEqual([[], []]); // only the files, which the engine knows
  memory.warms = true;
  const all = await back();
  const [first, rest] = memory.warmed.slice(-2);
  expect(first).toEqual([1, 11]); // what requests want
  expect([...first!, ...rest!].toSorted((a, b) => a - b)).toEqual(all);
});

test("where a request is expected only after memory has left, what requests want is back before it", async () => {
  const history = new FunctionHistory();
  for (let i = 0; i < 12; i++) history.reuse.record(290);
  for (let i = 0; i < 30; i++) history.reuse.record(70); // after 60 s it may be either, after the P99 only the other
  for (let i = 0; i < 1000; i++) history.reuse.record(1);
  history.recordDuration(0.001);
  const { memory, clock, request } = await sandbox({ semiWarmRate: 0.1 }, {}, true, history);
  await request(1, 11);
  await clock.pass(200);
  expect(memory.resident.size).toBe(0);
  await clock.pass(85);
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual(expect.arrayContaining([1, 11]));
});

test("settings that change while a request is expected do not keep memory from leaving when it does not come", async () => {
  const { memory, clock, policy, request } = await sandbox({ semiWarmRate: 0.1 }, {}, true, timed());
  await request(1, 11);
  await clock.pass(285);
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual([1, ...init]);
  policy.settingsChanged();
  await clock.pass(100);
  expect(memory.resident.size).toBe(0);
});

test("nothing leaves for a request that may come soon, or at any time, or where that is switched off", async () => {
  const soon = timed();
  for (let i = 0; i < 20; i++) soon.reuse.record(70); // all of it would be away for less than a minute
  const anyTime = timed();
  for (let i = 0; i < 40; i++) anyTime.reuse.record(130 + 10 * i);
  const few = new FunctionHistory();
  for (let i = 0; i < 9; i++) few.reuse.record(290);
  few.recordDuration(0.001);
  for (const [history, settings, switches] of [
    [soon, {}, {}],
    [anyTime, {}, {}],
    [few, {}, {}],
    [timed(), { recallAhead: false }, {}],
    [timed(), {}, { recall: false }],
  ] as const) {
    const { memory, clock, request } = await sandbox(
      { semiWarmRate: 0.1, ...settings },
      switches,
      true,
      history,
    );
    await request(1, 11);
    await clock.pass(100);
    const stays = [...memory.resident].toSorted((a, b) => a - b);
    expect(stays).toEqual("recall" in switches ? [] : [1, 11]);
  }
});

test("semi-warm that was given a delay does not begin before it for a request that is expected", async () => {
  const { memory, clock, request } = await sandbox(
    { semiWarmDelayS: 100, semiWarmRate: 0.1 },
    {},
    true,
    timed(),
  );
  await request(1, 11);
  await clock.pass(99);
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual(expect.arrayContaining([1, 11, ...init]));
  await clock.pass(100);
  expect(memory.resident.size).toBe(0);
  await clock.pass(85);
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual([1, ...init]);
});
