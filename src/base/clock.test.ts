import { expect, test } from "bun:test";
import { createClock } from "./clock.ts";

test("no timer is early, however short a part of a millisecond it ends with", async () => {
  const clock = createClock(20);
  const early = (seconds: number) =>
    new Promise<number>((resolve) => {
      const due = clock.now() + seconds;
      clock.after(seconds, () => resolve(Math.max(0, due - clock.now())));
    });
  const waits = Array.from({ length: 200 }, (_, i) => 0.2 + i * 0.0017);
  // What is left is the rounding of sums.
  for (const seconds of await Promise.all(waits.map(early))) expect(seconds).toBeLessThan(1e-9);
});

test("a timer that was cancelled does not run, and negative times are over at once", async () => {
  const clock = createClock(1000);
  let ran = 0;
  const cancel = clock.after(20, () => ran++);
  clock.after(-5, () => ran++);
  await clock.sleep(10);
  expect(ran).toBe(1);
  cancel();
  await clock.sleep(30);
  expect(ran).toBe(1);
});
