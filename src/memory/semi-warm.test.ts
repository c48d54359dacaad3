import { expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { OffloadBandwidth } from "./bandwidth.ts";
import { FaasmemPolicy } from "./faasmem.ts";
import { FunctionHistory } from "./history.ts";
import { RequestsFirst } from "./requests-first.ts";
import { policySettings } from "./settings.ts";
import { SimulatedMemory } from "./simulated-memory.ts";
import { init, runtime, sandbox } from "./simulated-sandbox.ts";

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
    {
      memory,
      clock,
      settings,
      history: new FunctionHistory(),
      bandwidth: new OffloadBandwidth(clock),
      requests: new RequestsFirst(clock),
    },
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

test("without a tracker, semi-warm waits for the P99; with one, what requests do not touch leaves before it", async () => {
  for (const tracks of [false, true]) {
    const { memory, clock, request, history } = await sandbox(
      { semiWarmRate: 0.1, recallAhead: false },
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
    const one = new FunctionHistory(2);
    for (let i = 0; i < 20; i++) one.reuse.record(i % 4 === 0 ? 100 : 30);
    for (let i = 0; i < 20; i++) one.recordDuration(durationMs);
    return one;
  };
  // Semi-warm begins after 60 s, which a quarter of the requests meets, and for all after 100 s, which none does.
  expect(await released(history(100))).toEqual([1, 1, 2, 5]);
  expect(await released(history(5))).toEqual([0, 0, 0, 3]);
  const crowded = history(100); // sixteen at once on two processors have each other wait for it
  for (let i = 0; i < 16; i++) crowded.requestStarted();
  expect(await released(crowded)).toEqual([0, 0, 0, 3]);
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

test("a request that comes and goes while semi-warm looks ends it", async () => {
  const { memory, clock, policy, request } = await sandbox({ semiWarmDelayS: 60 }, { puckets: false }, true);
  await request(1, 11);
  const { touched } = memory;
  let looked = () => {};
  const looks = new Promise<void>((resolve) => {
    looked = resolve;
  });
  memory.touched = async () => {
    await looks;
    return touched();
  };
  await clock.pass(61);
  await request(1, 11);
  looked();
  await clock.pass(50);
  expect(policy.semiWarm).toBe(false);
  expect(memory.evictions).toEqual([]);
  await clock.pass(20);
  expect(policy.semiWarm).toBe(true);
});
