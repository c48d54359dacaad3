import { expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { OffloadBandwidth } from "./bandwidth.ts";
import { FunctionHistory } from "./history.ts";
import { RequestsFirst } from "./requests-first.ts";
import { policySettings } from "./settings.ts";
import { SimulatedMemory } from "./simulated-memory.ts";
import { policyOf } from "./systems.ts";

async function under(system: string, pages: number) {
  const memory = new SimulatedMemory();
  memory.tracks = true;
  const clock = new ManualClock();
  const policy = policyOf(system)({
    memory,
    clock,
    history: new FunctionHistory(),
    settings: policySettings.parse({}),
    bandwidth: new OffloadBandwidth(clock),
    requests: new RequestsFirst(clock),
  });
  await policy.ready();
  memory.allocate(...Array.from({ length: pages }, (_, i) => i));
  await policy.loaded();
  return { memory, clock, policy };
}

test("damon takes what was not touched for 60 s, whether requests run or not", async () => {
  const { memory, clock, policy } = await under("damon", 10);
  policy.requestStart();
  for (let i = 0; i < 11; i++) {
    memory.touch(3, 4);
    await clock.pass(5);
  }
  expect(memory.evictions.flat()).toEqual([]);
  await clock.pass(10);
  expect(memory.evictions.flat()).toEqual([0, 1, 2, 5, 6, 7, 8, 9]);
  await clock.pass(60);
  expect(memory.evictions.flat().slice(-2)).toEqual([3, 4]);
  policy.close();
  const rounds = memory.evictions.length;
  await clock.pass(60);
  expect(memory.evictions).toHaveLength(rounds);
});

test("tmo takes 0.05 % every 6 s, the longest untouched first, and none under pressure", async () => {
  const { memory, clock } = await under("tmo", 4000);
  memory.touch(...Array.from({ length: 3998 }, (_, i) => i));
  await clock.pass(6);
  expect(memory.evictions.flat().toSorted((a, b) => a - b)).toEqual([3998, 3999]);
  let stallUs = 0;
  memory.stats = () => {
    stallUs += 1e9;
    return { ...new SimulatedMemory().stats(), stallUs };
  };
  await clock.pass(30);
  expect(memory.evictions.flat()).toHaveLength(2);
});
