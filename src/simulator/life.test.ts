import { expect, test } from "bun:test";
import { encodeRuns, none, pageRange } from "../memory/page-runs.ts";
import { type FunctionModel, GROWN } from "../profile/model.ts";
import { type Life, livesOf, Reliving, type Step } from "./life.ts";

let number = 0;
const step = (gapMs: number): Step => ({
  gapMs,
  durationMs: ++number, // tells which one it is
  demand: 1,
  touched: pageRange(0, 1),
  resident: pageRange(0, 1),
  idle: [],
});
const life = (...gaps: number[]): Life => ({ ready: none, loaded: none, steps: gaps.map(step) });

const fast = life(0, ...Array(14).fill(0), 400, 400, 400, 5000);
const slow = life(0, 20_000, 5000, 5000);

test("the second request's pace tells which life it is", () => {
  const quick = new Reliving([fast, slow], 0);
  expect([quick.next(0), quick.next(2)]).toEqual([slow.steps[0]!, fast.steps[1]!]);
  const rare = new Reliving([fast, slow], 0);
  expect([rare.next(0), rare.next(15_000)]).toEqual([slow.steps[0]!, slow.steps[1]!]);
});

test("of lives at much the same pace, each sandbox draws one", () => {
  const [one, other] = [life(0, 1500, 1500), life(0, 1510, 1490)];
  const relived = (start: number) => {
    const reliving = new Reliving([fast, one, other, slow], start);
    reliving.next(0);
    return reliving.next(1600);
  };
  expect(one.steps).toContain(relived(0.2));
  expect(other.steps).toContain(relived(0.7));
});

test("first requests come in their order, later ones by the pause before them, like ones in turn", () => {
  const reliving = new Reliving([fast, slow], 0);
  for (let i = 0; i < 12; i++) reliving.next(0);
  const of = (gapMs: number, count: number) =>
    Array.from({ length: count }, () => fast.steps.indexOf(reliving.next(gapMs)));
  expect(of(420, 4)).toEqual([15, 16, 17, 15]);
  expect(of(9000, 2)).toEqual([18, 18]);
  expect(of(0, 7)).toEqual([9, 10, 11, 12, 13, 14, 9]); // the ninth is nearly as grown as the twelfth
});

test("what looks cost is taken off: known from requests that nobody looked at", () => {
  const touched = encodeRuns(pageRange(0, 100));
  const observed = { gapMs: 0, idle: [], cpuMs: 1, durationMs: 15, touched, resident: touched };
  const steps = Array.from({ length: GROWN + 3 }, () => observed);
  const model = {
    lives: [{ ready: touched, loaded: touched, steps, rest: [] }],
    latencies: [{ alone: [{ gapMs: 0, requests: [{ input: "", durationMs: 10, addedMs: 1 }] }] }],
  } as unknown as FunctionModel;
  expect(livesOf(model)[0]!.steps[1]!.durationMs).toBeCloseTo(10);
});
