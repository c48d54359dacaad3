import { expect, test } from "bun:test";
import { density } from "../../experiments/density.ts";
import { loadClassOf } from "../trace/analysis.ts";
import { syntheticTrace } from "../trace/synthetic-trace.ts";
import type { Trace } from "../trace/trace.ts";
import { FUNCTIONS_2021, INVOCATIONS_2021 } from "../trace/trace-2021.ts";
import { chooseWindows } from "./windows.ts";

const at = (...arrivals: number[]) => ({
  id: "f",
  arrivals: Float64Array.from(arrivals),
  durations: new Float64Array(arrivals.length),
});
const every = (seconds: number, count: number) => at(...Array.from({ length: count }, (_, i) => i * seconds));

test("with the trace of 2021 the reference's own windows are used, and nothing needs to be said", () => {
  const rest = new Float64Array(1);
  const functions = Array.from({ length: FUNCTIONS_2021 }, (_, i) => {
    const count = i === 0 ? INVOCATIONS_2021 - FUNCTIONS_2021 + 1 : 1;
    return { id: String(i), arrivals: i === 0 ? new Float64Array(count) : rest, durations: rest };
  });
  const trace: Trace = { name: "azure2021", source: "", spanS: 1_209_600, functions };
  const { windows, note } = chooseWindows(trace, [{ label: "high", rank: 2, start: 502 }], 3600);
  expect(windows).toEqual([{ label: "high", traceFunction: 2, startIndex: 502, windowS: 3600 }]);
  expect(note).toBeUndefined();
});

test("another trace gives a function of the same load class, and the note says so", () => {
  const day = 86_400;
  const functions = [every(60, 1440), every(400, 216), every(4000, 21)];
  const trace: Trace = { name: "mine", source: "", spanS: day, functions };
  const wanted = [
    { label: "high", rank: 2, start: 502 },
    { label: "middle", rank: 60, start: 0 },
    { label: "low", rank: 300, start: 0 },
  ];
  const { windows, note } = chooseWindows(trace, wanted, 3600);
  expect(windows.map((window) => window.traceFunction)).toEqual([0, 1, 2]);
  expect(note).toContain("not the trace of 2021");
  expect(note).toContain("high = 0@");
});

test("an uneven window is the stretch whose gaps vary most", () => {
  const calm = Array.from({ length: 600 }, (_, i) => i * 60);
  const bursts = Array.from({ length: 60 }, (_, i) => 36_000 + Math.floor(i / 20) * 1200 + (i % 20));
  const trace: Trace = { name: "mine", source: "", spanS: 40_000, functions: [at(...calm, ...bursts)] };
  const [window] = chooseWindows(
    trace,
    [{ label: "bursty", rank: 0, start: 8967, uneven: true }],
    3600,
  ).windows;
  expect(window!.startIndex).toBeGreaterThan(540);
});

test("the embedded trace has a window for each of density's 21, none of them twice, of the right load", () => {
  const trace = syntheticTrace();
  const { windows } = chooseWindows(trace, density.windows, 3600);
  expect(windows).toHaveLength(21);
  expect(new Set(windows.map((w) => `${w.traceFunction}@${w.startIndex}`)).size).toBe(21);
  for (const [i, { rank }] of density.windows.entries()) {
    const fn = trace.functions[windows[i]!.traceFunction]!;
    expect(loadClassOf(fn.arrivals.length, trace.spanS)).toBe(rank < 28 ? "high" : "middle");
  }
});
