import { expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { OffloadBandwidth } from "./bandwidth.ts";

test("grants follow the rate, the longest idle first", async () => {
  const clock = new ManualClock();
  await clock.pass(100);
  const bandwidth = new OffloadBandwidth(clock, 10);
  const granted: [string, number][] = [];
  const stop = new AbortController();
  const ask = (name: string, idleSince: number, signal = new AbortController().signal) =>
    bandwidth
      .take(50, idleSince, signal)
      .then((yes) => granted.push([name, yes ? Math.round(clock.now()) : -1]));
  ask("first", 90);
  ask("young", 80);
  ask("given up", 1, stop.signal);
  ask("old", 5);
  stop.abort();
  await clock.pass(30);
  expect(granted).toEqual([
    ["first", 100],
    ["given up", -1],
    ["old", 105],
    ["young", 110],
  ]);
});

test("without a limit nobody waits", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++) expect(await new OffloadBandwidth(clock).take(1e12, 0, signal)).toBe(true);
  expect(clock.now()).toBe(0);
});
