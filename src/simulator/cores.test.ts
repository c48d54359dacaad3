import { expect, test } from "bun:test";
import { VirtualClock } from "./clock.ts";
import { Cores } from "./cores.ts";

const coresOf = (clock: VirtualClock) =>
  new Cores(
    clock,
    [
      { requests: 2, factor: 1.5 },
      { requests: 4, factor: 2.5 },
    ],
    2,
  );

/** Jobs as [start, work]; when each ended, in milliseconds. */
async function run(jobs: [number, number][]): Promise<number[]> {
  const clock = new VirtualClock(1);
  const cores = coresOf(clock);
  const ends: number[] = [];
  jobs.forEach(([start, work], i) => {
    clock.afterMs(start, async () => {
      await cores.work(work);
      ends[i] = clock.realMs();
    });
  });
  await clock.run(100, new AbortController().signal);
  return ends.map((end) => Math.round(end * 1000) / 1000);
}

test("a job alone takes its time", async () => {
  expect(await run([[5, 100]])).toEqual([105]);
});

test("two at once slow each other down as measured, while they do", async () => {
  // From 60 on both go at 1/1.5: the first has 40 left and ends at 120; the second has done 40 of 100 by then.
  expect(await run([[0, 100], [60, 100]])).toEqual([120, 180]); // biome-ignore format: one line
});

test("between measured points and beyond the last one", async () => {
  expect(await run([[0, 10], [0, 10], [0, 10]])).toEqual([20, 20, 20]); // biome-ignore format: one line
  expect(await run(Array.from({ length: 8 }, () => [0, 10]))).toEqual(Array(8).fill(50));
});

test("work that is ended early tells how much of it was done; light work hardly slows others", async () => {
  const clock = new VirtualClock(1);
  const cores = coresOf(clock);
  const ends: number[] = [];
  const stop = cores.start(100, 0.5, () => {});
  cores.start(20, 1, () => ends.push(clock.realMs()));
  let share = 0;
  clock.afterMs(50, () => {
    share = stop();
  });
  await clock.run(1, new AbortController().signal);
  // One and a half jobs: both at 1 / 1.25 until 25 ms, 20 done; the other 25 ms at full speed.
  expect(ends[0]).toBeCloseTo(25);
  expect(share).toBeCloseTo(0.45);
});
