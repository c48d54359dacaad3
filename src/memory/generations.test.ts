import { expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { OffloadBandwidth } from "./bandwidth.ts";
import { GenerationPolicy } from "./generations.ts";
import { FunctionHistory } from "./history.ts";
import { RequestsFirst } from "./requests-first.ts";
import { type PolicySettings, policySettings } from "./settings.ts";
import { SimulatedMemory } from "./simulated-memory.ts";

const runtime = [1, 2, 3, 4];
const init = [11, 12, 13, 14, 15];

async function sandbox(settings: Partial<PolicySettings> = {}) {
  const memory = new SimulatedMemory();
  memory.ages = true;
  const clock = new ManualClock();
  const policy = new GenerationPolicy({
    memory,
    clock,
    history: new FunctionHistory(),
    bandwidth: new OffloadBandwidth(clock),
    requests: new RequestsFirst(clock),
    settings: policySettings.parse({ semiWarmFloorBytes: 0, ...settings }),
  });
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
  return { memory, clock, policy, request };
}

test("what the first request does not touch of the runtime leaves after it, and nothing else", async () => {
  const { memory, request } = await sandbox({ initWindow: 3 });
  await request(1, 11, 100);
  expect(memory.evictions).toEqual([[2, 3, 4]]);
});

test("the Init Pucket leaves after its window, without what the window's requests touched", async () => {
  const { memory, clock, request } = await sandbox({ initWindow: 2 });
  await request(1, 100);
  await clock.pass(15);
  await request(1, 11);
  expect(memory.evictions).toHaveLength(1);
  await request(1, 12);
  expect(memory.evictions[1]).toEqual([13, 14, 15]);
  expect(memory.resident.has(100)).toBe(true);
});

test("after a rollback whatever cooled leaves", async () => {
  const { memory, clock, request } = await sandbox({ initWindow: 1, rollbackS: 60, semiWarmDelayS: 1000 });
  await request(1, 11);
  await clock.pass(15);
  await request(1, 11);
  expect([...memory.resident].toSorted((a, b) => a - b)).toEqual([1, 11]);
  await clock.pass(60);
  await request(1); // rolls back
  await clock.pass(15);
  await request(1);
  expect(memory.evictions.at(-1)).toEqual([11]);
});

test("without generations the start says what is missing", async () => {
  const memory = new SimulatedMemory();
  const clock = new ManualClock();
  const policy = new GenerationPolicy({
    memory,
    clock,
    history: new FunctionHistory(),
    bandwidth: new OffloadBandwidth(clock),
    requests: new RequestsFirst(clock),
    settings: policySettings.parse({}),
  });
  expect(policy.ready()).rejects.toThrow("--tracker mglru");
});
