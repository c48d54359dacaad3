import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { generateTrace, type Shape, shapes } from "./generate.ts";

const minutesOf = (arrivals: Iterable<number>) => {
  const counts = new Map<number, number>();
  for (const at of arrivals) counts.set(Math.floor(at / 60), (counts.get(Math.floor(at / 60)) ?? 0) + 1);
  return counts;
};
const gapsOf = (minutes: number[]) => minutes.slice(1).map((minute, i) => minute - minutes[i]!);
/** Kolmogorov-Smirnov distance of two samples. */
function distance(a: number[], b: number[]): number {
  const share = (sorted: number[], value: number) =>
    sorted.filter((one) => one <= value).length / sorted.length;
  return Math.max(...[...new Set([...a, ...b])].map((value) => Math.abs(share(a, value) - share(b, value))));
}
const generated = (shape: Shape) =>
  generateTrace({ name: "g", shape, functions: 150, hours: 8, seed: 5 }).functions.map((fn) =>
    minutesOf(fn.arrivals),
  );

test("the same seed gives the same trace, within its span", () => {
  for (const shape of shapes) {
    const options = { name: "g", shape, functions: 3, hours: 6, seed: 2 };
    const trace = generateTrace(options);
    expect(trace).toEqual(generateTrace(options));
    expect(trace.functions[0]!.arrivals.length).toBeGreaterThan(0);
    for (const { arrivals } of trace.functions) {
      expect([...arrivals]).toEqual([...arrivals].toSorted((a, b) => a - b));
      expect(arrivals.at(-1)!).toBeLessThan(6 * 3600);
    }
  }
});

test("a day has its noon and its midnight", () => {
  const { functions } = generateTrace({ name: "g", shape: "diurnal", functions: 4, hours: 24, seed: 1 });
  const hours = functions.flatMap((fn) => [...fn.arrivals].map((at) => Math.floor(at / 3600)));
  const share = (from: number, to: number) => hours.filter((hour) => hour >= from && hour < to).length;
  expect(share(10, 14) / share(0, 2)).toBeGreaterThan(4);
  expect(hours.length / 4 / 1440).toBeCloseTo(4, 0);
});

const sample = new URL("../../../shared/data/azure2019-invitro-500/invocations.csv", import.meta.url)
  .pathname;

test.skipIf(!existsSync(sample))("shapes are near the real trace's functions of their class", () => {
  const rows = readFileSync(sample, "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((row) => row.split(",").slice(4).map(Number));
  const daily = (counts: number[]) => counts.reduce((sum, n) => sum + n, 0) * 3;
  const fano = (counts: number[]) => {
    const mean = daily(counts) / 3 / counts.length;
    return counts.reduce((sum, n) => sum + (n - mean) ** 2, 0) / counts.length / mean;
  };
  const classes: Record<string, number[][]> = {
    rare: rows.filter((row) => daily(row) < 64),
    steady: rows.filter((row) => daily(row) >= 64 && daily(row) < 512 && fano(row) < 1.5),
    bursty: rows.filter((row) => daily(row) >= 64 && daily(row) < 9000 && fano(row) >= 3),
  };
  for (const [shape, real] of Object.entries(classes)) {
    const active = (counts: number[]) => counts.flatMap((n, minute) => (n > 0 ? [minute] : []));
    const ours = generated(shape as Shape);
    const gaps = distance(
      real.flatMap((counts) => gapsOf(active(counts))),
      ours.flatMap((minutes) => gapsOf([...minutes.keys()])),
    );
    const counts = distance(
      real.flatMap((counts) => counts.filter((n) => n > 0)),
      ours.flatMap((minutes) => [...minutes.values()]),
    );
    // What is left: real functions differ from each other, these do not; and eight hours cut long gaps off.
    expect({ shape, near: gaps < 0.2 && counts < 0.2 }).toEqual({ shape, near: true });
  }
});
