import { expect, test } from "bun:test";
import { validateEntry } from "../figures/validate.ts";
import { fixtureSource, fixtureValidation } from "../testing/fixture.ts";
import { baselineOf, datasetOf, only } from "./dataset.ts";
import { densityOf, heldText, trend } from "./density.ts";
import { estimate } from "./estimate.ts";
import { estimateOf, latencyProfile, localBytes, ofBaseline } from "./measures.ts";
import { notesOf } from "./provenance.ts";

test("intervals are those of Student's t distribution", () => {
  expect(estimate([])).toBeNull();
  expect(estimate([5])).toEqual({ mean: 5, half: null, n: 1 });
  // 1, 2, 3: s = 1, t(2) = 4.303, half = 4.303 / sqrt(3)
  expect(estimate([1, 2, 3])!.half).toBeCloseTo(2.484, 3);
  // 60 values with s = 1.008: t(59) = 2.0010
  const values = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 1 : -1));
  expect(estimate(values)!.half).toBeCloseTo(2.001 * Math.sqrt(60 / 59 / 60), 4);
});

test("density by the paper's formula: what left no longer counts against the quota", () => {
  expect(densityOf("bert", 1)).toBe(1);
  expect(densityOf("web", 0)).toBe(3);
  expect(densityOf("graph", 0.5)).toBeCloseTo(256 / (256 - 93));
  expect(densityOf("json", 0.5)).toBeNull();
});

test("a budget that held all sandboxes that were tried holds at least those", () => {
  expect([31, 32].map(heldText)).toEqual(["31", "32+"]);
});

test("a trend over the logarithm", () => {
  const found = trend([1, 10, 100].map((x) => ({ x, y: 3 + 2 * Math.log10(x) })))!;
  expect(found.slope).toBeCloseTo(2);
  expect(found.line[0]![1]).toBeCloseTo(3);
  expect(
    trend([
      { x: 1, y: 1 },
      { x: 10, y: 2 },
    ]),
  ).toBeNull();
  expect(trend([1, 2, 3].map((y) => ({ x: 5, y })))).toBeNull();
});

const plan = {
  experiment: "benchmarks",
  functions: ["web"],
  systems: ["baseline", "faasmem"],
  windows: ["high", "low"],
  samples: 2,
};

test("each repeat and window is compared with its own baseline", () => {
  const dataset = datasetOf([fixtureSource({ ...plan, repeats: 2 })]);
  for (const row of dataset.rows) {
    const base = baselineOf(dataset, row)!;
    expect([base.cell.system, base.cell.window, base.cell.repeat]).toEqual([
      "baseline",
      row.cell.window,
      row.cell.repeat,
    ]);
  }
  const ratio = ofBaseline(dataset, localBytes);
  const own = dataset.rows.filter(({ cell }) => cell.system === "faasmem" && cell.window === "low");
  const expected = own.map((row) => row.cell.avgLocalBytes / baselineOf(dataset, row)!.cell.avgLocalBytes);
  expect(estimateOf(dataset, ratio, { series: "FaaSMem", function: "web", window: "low" })).toEqual(
    estimate(expected)!,
  );
});

test("several runs in one figure say which series is which, and are not compared with each other's baseline", () => {
  const own = fixtureSource({ ...plan, runId: 3, mode: "simulate" });
  const theirs = fixtureSource({ ...plan, runId: 9, mode: "imported" });
  const dataset = datasetOf([own, theirs]);
  const labels = ["baseline (simulated)", "baseline (artifact)", "FaaSMem (simulated)", "FaaSMem (artifact)"];
  expect(dataset.series.map(({ label }) => label)).toEqual(labels);
  expect(new Set(dataset.series.map(({ look }) => look.colour)).size).toBe(4);
  for (const row of dataset.rows) expect(baselineOf(dataset, row)!.runId).toBe(row.runId);
  const again = datasetOf([own, fixtureSource({ ...plan, runId: 4, mode: "simulate" })]);
  expect(again.series.map(({ label }) => label)).toContain("FaaSMem (run 4)");
  expect(notesOf(dataset).join(" ")).toContain("Run 9: imported from results of the original artifact");
});

test("what was taken of repeats is said; a validation takes medians, and shows no interval", () => {
  const source = fixtureSource({
    ...plan,
    repeats: 3,
    documents: { validation: fixtureValidation(["web"]) },
  });
  const dataset = datasetOf([source]);
  expect(notesOf(dataset).join(" ")).toContain("Mean of 3 repeats, whiskers: 95 % confidence.");
  const { figures, tables } = validateEntry.draw(dataset);
  for (const { notes } of [...figures, ...tables]) expect(notes.join(" ")).toContain("Median of 3 repeats. ");
});

test("an unfinished run is named as such", () => {
  const source = fixtureSource(plan);
  const notes = notesOf(datasetOf([{ ...source, run: { ...source.run, status: "interrupted" } }]));
  expect(notes.join(" ")).toContain("Run 1 (interrupted)");
});

test("runs are cut down to functions and windows; nothing left is an error that names what there is", () => {
  const source = fixtureSource({ ...plan, functions: ["web", "bert"] });
  const [cut] = only([source], { function: ["bert"], window: ["low"] });
  expect(cut!.records.map(({ cell }) => [cell.function, cell.window])).toEqual([
    ["bert", "low"],
    ["bert", "low"],
  ]);
  expect(() => only([source], { function: ["nothing"] })).toThrow("has no cell");
});

test("latency statistics", () => {
  expect(latencyProfile([1, 2, 3, 4])).toEqual({
    AVG: 2.5,
    P50: 2.5,
    P95: 3.8499999999999996,
    P99: 3.9699999999999998,
  });
  expect(latencyProfile([])).toBeNull();
});
