import { expect, test } from "bun:test";
import { VirtualClock } from "./clock.ts";

const going = new AbortController().signal;

test("timers run in their order, those of the same time as they were set, cancelled ones never", async () => {
  const clock = new VirtualClock(1);
  const seen: string[] = [];
  const note = (text: string) => () => void seen.push(`${text} at ${clock.now()}`);
  clock.after(3, note("c"));
  clock.after(1, note("a"));
  clock.after(1, note("b"));
  const cancel = clock.after(2, note("never"));
  clock.after(0.5, cancel);
  clock.after(11, note("too late"));
  await clock.run(10, going);
  expect(seen).toEqual(["a at 1", "b at 1", "c at 3"]);
  expect(clock.now()).toBe(10);
});

test("promises settle before time goes on, however many wait for each other", async () => {
  const clock = new VirtualClock(1);
  let ended = -1;
  const chain = async (depth: number): Promise<void> => {
    if (depth > 0) await chain(depth - 1);
  };
  clock.after(1, async () => {
    await chain(100);
    ended = clock.now();
  });
  clock.after(1.000001, () => expect(ended).toBe(1));
  await clock.run(2, going);
  expect(ended).toBe(1);
});

test("real time is what the scale leaves of trace time", async () => {
  const clock = new VirtualClock(30);
  let at = 0;
  clock.afterMs(100, () => {
    at = clock.now();
  });
  await clock.run(60, going);
  expect(at).toBeCloseTo(3);
  expect(clock.realMs()).toBeCloseTo(2000);
});

test("a signal ends it", async () => {
  const stop = new AbortController();
  const clock = new VirtualClock(1);
  const again = () => void clock.after(1, again);
  again();
  setTimeout(() => stop.abort(new Error("stopped")), 20);
  expect(clock.run(Number.POSITIVE_INFINITY, stop.signal)).rejects.toThrow("stopped");
});
