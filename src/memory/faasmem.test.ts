import { expect, test } from "bun:test";
import { FunctionHistory } from "./history.ts";
import { init, runtime, sandbox } from "./simulated-sandbox.ts";

test("nothing leaves before the first request", async () => {
  const { memory, clock } = await sandbox();
  await clock.pass(30);
  expect(memory.evictions).toEqual([]);
});

test("the Runtime Pucket leaves after the first request, execution memory never does", async () => {
  const { memory, request } = await sandbox({ initWindow: 5 });
  await request(1, 11, 100, 101);
  expect(memory.evictions).toEqual([runtime]);
  expect(memory.resident.has(100)).toBe(true);
});

test("an answer does not wait for the engine's work", async () => {
  const { memory, clock, policy } = await sandbox({ initWindow: 5 });
  policy.requestStart();
  policy.requestEnd(memory.empty());
  for (let i = 0; i < 100; i++) await null; // what the node does until the answer is written
  expect(memory.evictions).toEqual([]);
  await clock.pass(0);
  expect(memory.evictions).toEqual([runtime]);
});

test("the Init Pucket leaves when its window closes, at least 10 s after the last eviction", async () => {
  const { memory, clock, request } = await sandbox({ initWindow: 2 });
  await request();
  await request();
  expect(memory.evictions).toEqual([runtime]);
  await clock.pass(9);
  expect(memory.evictions).toHaveLength(1);
  await clock.pass(1.5);
  expect(memory.evictions).toEqual([runtime, init]);
});

test("what came back is hot and stays, until the rollback", async () => {
  const { memory, clock, request } = await sandbox({ initWindow: 1, rollbackS: 100, semiWarmDelayS: 1e6 });
  await request();
  expect(memory.remote.size).toBe(runtime.length + init.length);
  await clock.pass(11);
  await request(1, 11, 12);
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual([1, 11, 12]);
  await clock.pass(11);
  await request(11);
  expect(memory.resident.has(12)).toBe(true);
  // The rollback, and the window after it.
  await clock.pass(100);
  await request(11);
  expect(memory.resident.has(12)).toBe(true);
  await clock.pass(11);
  await request(11);
  expect(memory.resident.has(12)).toBe(false);
});

test("with a tracker, only what the first request did not touch leaves", async () => {
  const { memory, clock, request } = await sandbox({ initWindow: 2, semiWarmDelayS: 1e6 }, {}, true);
  await request(1, 11);
  expect(memory.evictions).toEqual([[2, 3, 4]]);
  await clock.pass(11);
  await request(11, 12);
  expect(memory.evictions.at(-1)).toEqual([13, 14, 15]);
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual([1, 11, 12]);
});

test("the Init Pucket's window closes by itself when requests touch nothing new", async () => {
  const { memory, clock, policy, request } = await sandbox({ semiWarmDelayS: 1e6 }, {}, true);
  const site = Array.from({ length: 400 }, (_, i) => 1000 + i);
  memory.allocate(...site);
  await policy.loaded();
  const pass = () => clock.pass(11);
  // Each request touches 100 pages of its own, until the fourth touches what others did.
  for (let i = 0; i < 3; i++) {
    await request(...site.slice(i * 100, i * 100 + 100));
    await pass();
    expect(memory.remote.has(1399)).toBe(false);
  }
  await request(1000, 1100, 1200);
  await pass();
  await request(1000, 1201);
  await pass();
  expect(memory.remote.has(1399)).toBe(true);
  expect(memory.remote.has(1000) || memory.remote.has(1299)).toBe(false);
});

test("rollbacks become rare where what left comes back", async () => {
  for (const { every, least, most } of [
    { every: 8, least: 2, most: 6 }, // the window's requests do without this page, one of the next ones does not
    { every: 1000, least: 1, most: 1 },
  ]) {
    const { memory, clock, request } = await sandbox(
      { initWindow: 1, rollbackS: 30, semiWarmDelayS: 1e6 },
      {},
      true,
    );
    for (let i = 0; i < 120; i++) {
      await request(1, 11, 12, 13, 14, ...(i % every === every - 1 ? [15] : []));
      await clock.pass(11);
    }
    const departures = memory.evictions.filter((pages) => pages.includes(15)).length;
    expect(departures).toBeGreaterThanOrEqual(least);
    expect(departures).toBeLessThanOrEqual(most);
  }
});

test("a request cancels a running eviction, and the rest is tried after it", async () => {
  const { memory, clock, policy } = await sandbox({ initWindow: 9 });
  let release = () => {};
  memory.hold = new Promise((resolve) => {
    release = resolve;
  });
  policy.requestStart();
  policy.requestEnd(memory.empty());
  await clock.pass(0);
  policy.requestStart();
  release();
  await clock.pass(0);
  expect(memory.remote.size).toBe(0);
  policy.requestEnd(memory.empty());
  await clock.pass(0);
  expect(memory.evictions).toEqual([runtime]);
});

test("what one sandbox learned, the next one of its function begins with", async () => {
  const first = await sandbox({ semiWarmDelayS: 60 }, {}, true);
  await first.request(1, 11);
  await first.clock.pass(11);
  await first.request(1, 12);
  await first.clock.pass(11);
  await first.request(1, 11, 99);
  await first.clock.pass(70);
  for (const recall of [true, false]) {
    const next = await sandbox({ initWindow: 1, semiWarmDelayS: 1e6 }, { recall }, true, first.history);
    await next.request();
    await next.clock.pass(11);
    expect([...next.memory.resident].toSorted((a, b) => a - b)).toEqual(recall ? [1, 11] : []);
  }
});

test("where looks are dear, at most one request in fifty meets cleared accessed bits", async () => {
  for (const { lookMsPerPage, atOnce, most } of [
    { lookMsPerPage: 0.0002, atOnce: 1, most: 120 },
    { lookMsPerPage: 0.001, atOnce: 64, most: 4 }, // what two pages cost is a fifth of the budget, but 32 requests share a processor
    { lookMsPerPage: 5, atOnce: 1, most: 4 },
  ]) {
    const own = new FunctionHistory(2);
    for (let i = 0; i < atOnce; i++) own.requestStarted();
    const { memory, clock, request, history } = await sandbox(
      { initWindow: 1, rollbackS: 30 },
      {},
      true,
      own,
    );
    memory.lookMsPerPage = lookMsPerPage;
    const { takeTouched, clearTouched } = memory;
    let looks = 0;
    const counted =
      <T>(look: () => Promise<T>) =>
      () => {
        looks++;
        return look();
      };
    memory.takeTouched = counted(takeTouched);
    memory.clearTouched = counted(clearTouched);
    for (let i = 0; i < 150; i++) {
      history.recordDuration(1);
      await request(1, 11 + (i % 2));
      await clock.pass(11);
    }
    expect(looks).toBeGreaterThan(1);
    expect(looks).toBeLessThanOrEqual(most);
    expect([...memory.resident].toSorted((a, b) => a - b)).toEqual([1, 11, 12]);
  }
});

test("where looks are dear, one early look finds what only the first requests wanted, if the budget bears it", async () => {
  for (const bears of [true, false]) {
    const { memory, clock, request, history } = await sandbox(
      { semiWarmRate: 0.1, semiWarmDelayS: 60, rollbackS: 40 },
      {},
      true,
    );
    memory.lookMsPerPage = bears ? 0.03 : 0.2; // two or three pages of a request of 1 ms: dearer than a quarter of the budget of 10 %
    for (let i = 0; i < 9; i++) history.recordDuration(1);
    for (let i = 0; i < 40; i++) history.recallStarted()(1024 ** 2, 1000); // what requests want stays
    history.reuse.record(100); // requests do come while it is semi-warm
    await request(1, 11, 12);
    for (let i = 0; i < 12; i++) {
      await clock.pass(20);
      await request(1, 11);
    }
    await clock.pass(500);
    expect([...memory.resident].toSorted((a, b) => a - b)).toEqual(bears ? [1, 11] : [1, 11, 12]);
  }
});

test("a pool that is full is asked again after 10 s, not after each request", async () => {
  const { memory, clock, request } = await sandbox({ initWindow: 1 });
  memory.capacity = 0;
  const { evict } = memory;
  let asked = 0;
  memory.evict = (pages) => {
    asked++;
    return evict(pages);
  };
  for (let i = 0; i < 9; i++) {
    await request();
    await clock.pass(1);
  }
  expect(asked).toBe(1);
  memory.capacity = 100;
  await clock.pass(11);
  expect(memory.remote.size).toBe(runtime.length + init.length);
});
