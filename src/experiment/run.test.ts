import { expect, test } from "bun:test";
import { quick } from "../../experiments/quick.ts";
import type { Cell } from "../results/schema.ts";
import { quickTrace } from "../trace/quick-trace.ts";
import type { WorkerStats } from "../worker/worker.ts";
import { measure } from "./cell.ts";
import { problemsOf, warningsOf } from "./problems.ts";
import { arrivalsOf, cellsOf } from "./run.ts";

const levels = {
  name: "web",
  sandboxes: 1,
  localBytes: 0,
  remoteBytes: 0,
  localByteSeconds: 0,
  remoteByteSeconds: 0,
  coldStarts: 0,
  warmStarts: 0,
  semiWarmStarts: 0,
  errors: 0,
};
const stats = (uptimeS: number, change: Partial<typeof levels>): WorkerStats => ({
  memoryMetric: "pss",
  uptimeS,
  poolAlive: true,
  functions: [{ ...levels, ...change }],
});
const request = (latencyMs: number, start: string, status = 200) => ({
  atS: 0,
  latencyMs,
  start,
  status,
  recalledPages: 0,
  recallFaults: 0,
  stallMs: 0,
  runtimePages: null,
  initPages: null,
  executionPages: null,
});

const cell = measure(
  { function: "web", system: "faasmem", window: quick.windows[0]!, repeat: 0 },
  stats(10, { localByteSeconds: 1000, coldStarts: 1 }),
  stats(30, { localByteSeconds: 5000, remoteByteSeconds: 400, coldStarts: 3, semiWarmStarts: 2 }),
  {
    requests: [request(900, "cold"), request(10, "warm"), request(20, "semi-warm"), request(5, "warm", 500)],
    resultHash: "aa",
    latenessP99Ms: 1,
    firstError: undefined,
  },
);

test("averages are differences of integrals over the window, latencies leave out cold starts and failures", () => {
  expect(cell).toMatchObject({
    requests: 4,
    errors: 1,
    p50Ms: 15,
    avgLocalBytes: 200,
    avgRemoteBytes: 20,
    coldStarts: 2,
    semiWarmStarts: 2,
  });
});

test("failures and differing answers are problems, late arrivals a warning", () => {
  const fine: Cell = { ...cell, errors: 0 };
  expect(problemsOf([fine, { ...fine, system: "baseline" }], quick)).toEqual([]);
  expect(problemsOf([cell], quick)).toEqual(["web under faasmem: 1 of 4 requests failed"]);
  expect(problemsOf([fine, { ...fine, system: "tmo", resultHash: "bb" }], quick)).toEqual([
    "web under tmo: answers differ from those under faasmem",
  ]);
  expect(problemsOf([{ ...fine, latenessP99Ms: 80 }], quick)).toEqual([]);
  expect(warningsOf([fine], quick)).toEqual([]);
  expect(warningsOf([{ ...fine, latenessP99Ms: 80 }], quick)[0]).toContain("drifted");
});

test("a window that is not there is a usage error", () => {
  const trace = quickTrace();
  const window = quick.windows[0]!;
  expect(arrivalsOf(window, trace).length).toBeGreaterThan(5);
  for (const wrong of [{ traceFunction: 1 }, { startIndex: 1000 }]) {
    expect(() => arrivalsOf({ ...window, ...wrong }, trace)).toThrow(
      expect.objectContaining({ code: "UNKNOWN_WINDOW", kind: "usage" }),
    );
  }
});

test("what is compared stands together, every other repeat the other way round", () => {
  const plan = {
    ...quick,
    functions: ["web", "json"],
    systems: ["baseline", "faasmem"],
    repeats: 2,
    seed: 5,
  };
  const cells = cellsOf(plan, quickTrace(), new AbortController().signal);
  expect(cells.map((one) => `${one.function} ${one.system} ${one.seed}`)).toEqual([
    ...["web baseline 5", "web faasmem 5", "json baseline 5", "json faasmem 5"],
    ...["web faasmem 6", "web baseline 6", "json faasmem 6", "json baseline 6"],
  ]);
});
