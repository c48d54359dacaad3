import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { sharedData } from "../../test/shared-data.ts";
import { fitTable } from "../report/trace-fit.ts";
import { fitTrace, fittedShapes } from "./fit.ts";
import { generateTrace, shapes } from "./generate.ts";
import { importAzure2019 } from "./import-2019.ts";
import { distance } from "./quantiles.ts";

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

test("durations are those of the public trace, whatever the shape", () => {
  const { functions } = generateTrace({ name: "g", shape: "steady", functions: 400, hours: 2, seed: 1 });
  const seconds = functions.map((fn) => fn.durations[0]!);
  expect(Math.min(...seconds)).toBeGreaterThanOrEqual(0.1);
  expect(Math.max(...seconds)).toBeLessThanOrEqual(5);
  const durations = sharedData("azure2019-durations", "functions.csv");
  if (durations.absent) return;
  const real = readFileSync(durations.path, "utf8").trim().split("\n").slice(1);
  expect(
    distance(
      seconds,
      real.map((row) => Number(row.split(",")[1]) / 1000),
    ),
  ).toBeLessThan(0.1);
});

const sample = sharedData("azure2019-invitro-500", "invocations.csv");

test.skipIf(sample.absent)("shapes are near the real trace's functions of their class", async () => {
  const { trace } = await importAzure2019(sample.path, { seed: 1, spread: "uniform" });
  const fits = fitTrace({ ...trace, spanS: 8 * 3600 });
  expect(fits.map(({ shape }) => shape)).toEqual([...fittedShapes]);
  for (const { shape, functions, gapMinutes, counts } of fits) {
    // What is left: real functions differ from each other, these do not; and eight hours cut long gaps off.
    expect({ shape, near: gapMinutes!.distance < 0.2 && counts!.distance < 0.2 }).toEqual({
      shape,
      near: true,
    });
    expect(functions).toBeGreaterThan(20);
  }
  expect(fitTable(fits)).toMatch(/rare +minutes between active ones +\d+ functions/);
});

test("a fit of what was generated finds its own shape, and says where there is nothing", () => {
  const trace = generateTrace({ name: "g", shape: "rare", functions: 80, hours: 48, seed: 9 });
  const [rare, steady, bursty] = fitTrace(trace);
  expect(rare).toMatchObject({ shape: "rare", functions: trace.functions.length });
  expect(rare!.gapMinutes!.distance).toBeLessThan(0.05);
  expect([steady!.functions, bursty!.functions, steady!.gapMinutes]).toEqual([0, 0, null]);
  expect(fitTable([steady!])).toContain("nothing to compare");
});
