import { expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { OffloadBandwidth } from "./bandwidth.ts";

test("grants follow the rate, the longest idle first", async () => {
  const clock = new ManualClock();
  await clock.pass(100);
  const bandwidth = new OffloadBandwidth(clock, 10);
  const granted: [string, number][] = [];
  const ask = (name: string, idleSince: number) =>
    bandwidth.take(50, idleSince).then(() => granted.push([name, Math.round(clock.now())]));
  ask("first", 90);
  ask("young", 80);
  ask("old", 5);
  await clock.pass(30);
  expect(granted).toEqual([
    ["first", 100],
    ["old", 105],
    ["young", 110],
  ]);
});

test("without a limit nobody waits", async () => {
  const clock = new ManualClock();
  await new OffloadBandwidth(clock).take(1e12, 0);
  await new OffloadBandwidth(clock).take(1e12, 0);
  expect(clock.now()).toBe(0);
});
