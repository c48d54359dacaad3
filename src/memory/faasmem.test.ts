import { expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { FaasmemPolicy, type FaasmemSwitches } from "./faasmem.ts";
import { type PolicySettings, policySettings } from "./settings.ts";
import { SimulatedMemory } from "./simulated-memory.ts";

const runtime = [1, 2, 3, 4];
const init = [11, 12, 13, 14, 15];

async function sandbox(settings: Partial<PolicySettings> = {}, switches: Partial<FaasmemSwitches> = {}) {
  const memory = new SimulatedMemory();
  const clock = new ManualClock();
  const policy = new FaasmemPolicy(
    { memory, clock, settings: policySettings.parse({ semiWarmFloorBytes: 0, ...settings }) },
    { puckets: true, semiWarm: true, recall: true, ...switches },
  );
  memory.allocate(...runtime);
  await policy.ready();
  memory.allocate(...init);
  await policy.loaded();
  const request = async (...touched: number[]) => {
    policy.requestStart();
    memory.touch(...touched);
    policy.requestEnd();
    await clock.pass(0);
  };
  return { memory, clock, policy, request };
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
  await clock.pass(100);
  await request(11);
  expect(memory.resident.has(12)).toBe(false);
});

test("with a tracker, only what the first request did not touch leaves", async () => {
  const { memory, clock, request } = await sandbox({ initWindow: 2, semiWarmDelayS: 1e6 });
  memory.tracks = true;
  await request(1, 11);
  expect(memory.evictions).toEqual([[2, 3, 4]]);
  await clock.pass(11);
  await request(11, 12);
  expect(memory.evictions.at(-1)).toEqual([13, 14, 15]);
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual([1, 11, 12]);
});

test("a request cancels a running eviction, and the rest is tried after it", async () => {
  const { memory, clock, policy } = await sandbox({ initWindow: 9 });
  let release = () => {};
  memory.hold = new Promise((resolve) => {
    release = resolve;
  });
  policy.requestStart();
  policy.requestEnd();
  await clock.pass(0);
  policy.requestStart();
  release();
  await clock.pass(0);
  expect(memory.remote.size).toBe(0);
  policy.requestEnd();
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
