import { expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { OffloadBandwidth } from "./bandwidth.ts";
import { FaasmemPolicy, type FaasmemSwitches } from "./faasmem.ts";
import { FunctionHistory } from "./history.ts";
import { type PolicySettings, policySettings } from "./settings.ts";
import { SimulatedMemory } from "./simulated-memory.ts";

const runtime = [1, 2, 3, 4];
const init = [11, 12, 13, 14, 15];

async function sandbox(
  settings: Partial<PolicySettings> = {},
  switches: Partial<FaasmemSwitches> = {},
  tracks = false,
  history = new FunctionHistory(),
) {
  const memory = new SimulatedMemory();
  memory.tracks = tracks;
  const clock = new ManualClock();
  const bandwidth = new OffloadBandwidth(clock);
  const policy = new FaasmemPolicy(
    {
      memory,
      clock,
      history,
      bandwidth,
      settings: policySettings.parse({ semiWarmFloorBytes: 0, ...settings }),
    },
    { puckets: true, semiWarm: true, recall: true, ...switches },
  );
  memory.allocate(...runtime);
  await policy.ready();
  memory.allocate(...init);
  await policy.loaded();
  const request = async (...touched: number[]) => {
    policy.requestStart();
    memory.touch(...touched);
    policy.requestEnd(await memory.takeRecalled());
    await clock.pass(0);
  };
  return { memory, clock, policy, request, history };
}

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

test("semi-warm begins at the P99 of this function's reuse intervals, and not before 60 s", async () => {
  for (const [interval, delay] of [
    [10, 60],
    [200, 200],
  ] as const) {
    const { memory, clock, request, history } = await sandbox({}, { puckets: false });
    for (let i = 0; i < 50; i++) history.reuse.record(interval);
    await request();
    await clock.pass(delay - 1);
    expect(memory.evictions).toEqual([]);
    await clock.pass(delay * 0.07 + 2);
    expect(memory.evictions.length).toBeGreaterThan(0);
  }
});

test("semi-warm leaves the working set where its recall would cost too much, and takes it last where not", async () => {
  for (const [durationMs, stays] of [
    [0.001, true],
    [1000, false],
  ] as const) {
    const { memory, clock, request, history } = await sandbox(
      { semiWarmRate: 0.03, semiWarmDelayS: 60 }, // three pages a step, of nine
      { puckets: false },
      true,
    );
    history.recordDuration(durationMs);
    history.reuse.record(100); // requests do come while it is semi-warm
    await request(1, 11);
    await clock.pass(500);
    expect([...memory.resident].toSorted((a, b) => a - b)).toEqual(stays ? [1, 11] : []);
    if (stays) continue;
    expect(memory.evictions.map((pages) => pages.length)).toEqual([3, 3, 3]);
    expect(memory.evictions[2]).toEqual(expect.arrayContaining([1, 11]));
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

test("semi-warm begins after its delay, takes a tenth in 10 s, and ends with the next request", async () => {
  const { memory, clock, policy, request } = await sandbox(
    { initWindow: 1e6, semiWarmDelayS: 60 },
    { puckets: false },
  );
  memory.allocate(...Array.from({ length: 91 }, (_, i) => 200 + i)); // 100 pages in all
  await request();
  await clock.pass(59);
  expect(policy.semiWarm).toBe(false);
  await clock.pass(2);
  expect(policy.semiWarm).toBe(true);
  expect(memory.evictions[0]).toHaveLength(10);
  policy.requestStart();
  expect(policy.semiWarm).toBe(false);
  const before = memory.evictions.length;
  await clock.pass(30);
  expect(memory.evictions).toHaveLength(before);
});

test("semi-warm leaves the floor in place", async () => {
  const { memory, clock, request } = await sandbox(
    { semiWarmFloorBytes: 4 * 4096, semiWarmRate: 0.1 },
    { puckets: false },
  );
  await request();
  await clock.pass(200);
  expect(memory.resident.size).toBe(4);
});

test("semi-warm stops 15 s before keep-alive ends", async () => {
  const { memory, clock, request } = await sandbox(
    { keepAliveS: 70, semiWarmDelayS: 60 },
    { puckets: false },
  );
  await request();
  await clock.pass(80);
  expect(memory.evictions).toEqual([]);
});

test("a semi-warm start recalls the recorded working set in bulk", async () => {
  for (const recall of [true, false]) {
    const { memory, clock, policy, request } = await sandbox({ semiWarmRate: 0.1 }, { recall });
    await request();
    await clock.pass(11);
    await request(1, 11);
    await clock.pass(200);
    expect(memory.resident.size).toBe(0);
    policy.requestStart();
    await clock.pass(0);
    expect([...memory.resident].toSorted((a, b) => a - b)).toEqual(recall ? [1, 11] : []);
  }
});

test("semi-warm by a share takes as much with the last step as with the first", async () => {
  const { memory, clock, request } = await sandbox(
    { semiWarmRate: 0.02, semiWarmDelayS: 60 },
    { puckets: false },
  );
  memory.allocate(...Array.from({ length: 91 }, (_, i) => 200 + i)); // 100 pages in all
  await request();
  await clock.pass(125);
  expect(memory.evictions.map((pages) => pages.length)).toEqual([20, 20, 20, 20, 20]);
});

test("semi-warm by an amount a second, within what the node may send", async () => {
  const { memory, clock, request } = await sandbox(
    { semiWarmBytesPerS: 4096, semiWarmStepS: 2, semiWarmDelayS: 60 },
    { puckets: false },
  );
  await request();
  await clock.pass(61);
  expect(memory.evictions[0]).toHaveLength(2);
});

test("above the latency budget, semi-warm begins later and works in smaller steps", async () => {
  const { memory, clock, request, history } = await sandbox(
    { semiWarmRate: 0.04, semiWarmDelayS: 60 },
    { puckets: false },
  );
  memory.allocate(...Array.from({ length: 91 }, (_, i) => 200 + i)); // 100 pages in all
  for (let i = 0; i < 40; i++) history.budget.record(i < 20 ? 10 : 20, i < 20, 0.1);
  expect(history.budget.factor).toBe(2);
  await request();
  await clock.pass(119);
  expect(memory.evictions).toEqual([]);
  await clock.pass(2);
  expect(memory.evictions[0]).toHaveLength(20);
});

test("settings that change apply to a sandbox that lives", async () => {
  const settings = policySettings.parse({ semiWarmDelayS: 500, semiWarmFloorBytes: 0 });
  const memory = new SimulatedMemory();
  const clock = new ManualClock();
  const policy = new FaasmemPolicy(
    { memory, clock, settings, history: new FunctionHistory(), bandwidth: new OffloadBandwidth(clock) },
    { puckets: false, semiWarm: true, recall: true },
  );
  memory.allocate(1, 2, 3);
  await policy.ready();
  await policy.loaded();
  settings.semiWarmDelayS = 30;
  policy.requestStart();
  policy.requestEnd(memory.empty());
  await clock.pass(31);
  expect(memory.evictions.length).toBeGreaterThan(0);
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

test("without a tracker, semi-warm waits for the P99; with one, what requests do not touch leaves before it", async () => {
  for (const tracks of [false, true]) {
    const { memory, clock, request, history } = await sandbox(
      { semiWarmRate: 0.1 },
      { puckets: false },
      tracks,
    );
    for (let i = 0; i < 50; i++) history.reuse.record(200);
    history.recordDuration(0.001);
    await request(1, 11);
    await clock.pass(190);
    expect([...memory.resident].toSorted((a, b) => a - b)).toEqual(tracks ? [1, 11] : [...runtime, ...init]);
    await clock.pass(120);
    expect(memory.resident.size).toBe(0);
  }
});

test("what was never met semi-warm is taken wholly, until it is", async () => {
  for (const met of [false, true]) {
    const { memory, clock, request, history } = await sandbox(
      { semiWarmRate: 0.1 },
      { puckets: false },
      true,
    );
    history.recordDuration(0.001);
    for (let i = 0; i < 9; i++) history.reuse.record(5);
    if (met) history.reuse.record(90);
    await request(1, 11);
    await clock.pass(400);
    expect([...memory.resident].toSorted((a, b) => a - b)).toEqual(met ? [1, 11] : []);
  }
});

test("where looks are dear, at most one request in fifty meets cleared accessed bits", async () => {
  for (const { lookMsPerPage, most } of [
    { lookMsPerPage: 0.0002, most: 120 },
    { lookMsPerPage: 5, most: 4 },
  ]) {
    const { memory, clock, request, history } = await sandbox({ initWindow: 1, rollbackS: 30 }, {}, true);
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

test("files are given back after the first request and in semi-warm, where that is cheap or hardly a request comes", async () => {
  const released = async (history: FunctionHistory) => {
    const { memory, clock, request } = await sandbox({ initWindow: 2 }, {}, true, history);
    const counts: number[] = [];
    const count = () => counts.push(memory.releases);
    await request(1, 11);
    count();
    await clock.pass(10);
    await request(1, 11);
    count();
    await clock.pass(61); // semi-warm
    count();
    await clock.pass(400); // 60 and 180 s after all has left: what timers brought back
    count();
    return counts;
  };
  const unknown = new FunctionHistory();
  expect(await released(unknown)).toEqual([1, 1, 2, 4]);
  const history = (durationMs: number) => {
    const one = new FunctionHistory();
    for (let i = 0; i < 20; i++) one.reuse.record(i % 4 === 0 ? 100 : 30);
    for (let i = 0; i < 20; i++) one.recordDuration(durationMs);
    return one;
  };
  // Semi-warm begins after 60 s, which a quarter of the requests meets, and for all after 100 s, which none does.
  expect(await released(history(100))).toEqual([1, 1, 2, 5]);
  expect(await released(history(5))).toEqual([0, 0, 0, 3]);
  const kept = await sandbox({ initWindow: 1, releaseFiles: false });
  await kept.request();
  await kept.clock.pass(100);
  expect(kept.memory.releases).toBe(0);
});

test("before it is known what comes after a long idle time, all memory of one sandbox leaves and none of others", async () => {
  const history = new FunctionHistory();
  const idle = async () => {
    const one = await sandbox({ semiWarmRate: 0.1, keepAliveS: 600 }, { puckets: false }, true, history);
    await one.request(1, 11);
    await one.clock.pass(400);
    return one;
  };
  const [first, second] = [await idle(), await idle()];
  expect([...first.memory.resident]).toEqual([]);
  expect(second.memory.evictions).toEqual([]);
  // The first one's keep-alive ends: nobody came.
  first.policy.close();
  history.recordExpiry();
  expect([...(await idle()).memory.resident]).toEqual([]);

  // Elsewhere a request ends the trial, and another sandbox may try.
  const other = new FunctionHistory();
  const end = other.probe()!;
  expect(other.probe()).toBe(null);
  end();
  expect(other.probe()).not.toBe(null);
});

/** Of a function that a timer calls every five minutes; a few of its requests come right after others. */
function timed(): FunctionHistory {
  const history = new FunctionHistory();
  for (let i = 0; i < 40; i++) history.reuse.record(i % 4 === 0 ? 1 : 290 + (i % 9));
  history.recordDuration(0.001); // a recall would be far above the budget
  return history;
}

test("where the next request is expected, everything leaves, and what it wants is back before it", async () => {
  const { memory, clock, policy, request } = await sandbox({ semiWarmRate: 0.1 }, {}, true, timed());
  await request(1, 11);
  await clock.pass(200);
  expect(memory.resident.size).toBe(0);
  expect(policy.semiWarm).toBe(true);
  await clock.pass(82); // before the shortest, 290 s
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual([1, 11]);
  expect(policy.semiWarm).toBe(false);
  expect((await memory.takeRecalled()).pages).toBe(0); // no request is blamed for it
  await clock.pass(70); // it did not come
  expect(memory.resident.size).toBe(0);
});

test("settings that change while a request is expected do not keep memory from leaving when it does not come", async () => {
  const { memory, clock, policy, request } = await sandbox({ semiWarmRate: 0.1 }, {}, true, timed());
  await request(1, 11);
  await clock.pass(285);
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual([1, 11]);
  policy.settingsChanged();
  await clock.pass(100);
  expect(memory.resident.size).toBe(0);
});

test("nothing leaves for a request that may come soon, or at any time, or where that is switched off", async () => {
  const soon = timed();
  for (let i = 0; i < 20; i++) soon.reuse.record(100);
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

test("a pool that is full ends nothing: semi-warm looks again later, and requests have their pages brought back", async () => {
  const { memory, clock, policy, request } = await sandbox(
    { semiWarmRate: 0.03, semiWarmDelayS: 60 }, // three pages a step, of nine
    { puckets: false },
    true,
  );
  memory.capacity = 6;
  await request(1, 11);
  await clock.pass(110);
  expect(memory.remote.size).toBe(6);
  expect(memory.resident.size).toBe(3);
  memory.capacity = 9;
  await clock.pass(60);
  expect(memory.resident.size).toBe(0);
  policy.requestStart();
  await clock.pass(0);
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual([1, 11]);
});
