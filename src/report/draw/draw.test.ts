import { expect, test } from "bun:test";
import { typeface } from "../font/source-sans.ts";
import { barPanel } from "./bars.ts";
import { drawFigure, type Figure, type Panel } from "./figure.ts";
import { thinned } from "./lines.ts";
import { circlePath, plainPath } from "./path-data.ts";
import { logTicks } from "./scatter.ts";
import type { Shape, Text } from "./scene.ts";
import { wrap } from "./words.ts";

const figure = (...panels: Panel[]): Figure => ({
  name: "x",
  title: "X",
  description: "",
  legend: [],
  panels,
  notes: [],
});
const value = (mean: number, half: number | null = null) => ({ mean, half, n: half === null ? 1 : 3 });
const bar = (mean: number, half: number | null = null, label = "") => ({
  group: "g",
  colour: "#123456",
  value: value(mean, half),
  label,
});
const bars = async (panel: Parameters<typeof barPanel>[0]) => {
  const { items } = await drawFigure(figure(barPanel(panel)));
  return {
    rects: items.filter((item): item is Shape => item.kind === "rect" && item.fill === "#123456"),
    texts: items.filter((item): item is Text => item.kind === "text").map(({ text }) => text),
    paths: items.filter((item): item is Shape => item.kind === "path"),
  };
};

test("bars are as high as their values, from zero", async () => {
  const { rects } = await bars({ height: 100, yLabel: "", groups: ["a", "b"], bars: [[bar(10)], [bar(30)]] });
  expect(rects).toHaveLength(2);
  expect(rects[1]!.height / rects[0]!.height).toBeCloseTo(3, 2);
  expect(rects[0]!.y + rects[0]!.height).toBeCloseTo(rects[1]!.y + rects[1]!.height, 6);
});

test("whiskers reach from the lower to the upper end of the interval", async () => {
  const { rects, paths } = await bars({ height: 100, yLabel: "", groups: ["a"], bars: [[bar(10, 5)]] });
  const [top, zero] = [rects[0]!.y, rects[0]!.y + rects[0]!.height];
  const middle = rects[0]!.x + rects[0]!.width / 2;
  const upright = paths
    .map(({ x, y, d }) => ({ x, y, numbers: d.match(/-?[\d.]+/g)!.map(Number) }))
    .find(({ x, numbers: [x1, , x2] }) => Math.abs(x + x1! - middle) < 0.1 && x1 === x2);
  const ends = [upright!.y + upright!.numbers[1]!, upright!.y + upright!.numbers[3]!].sort((a, b) => a - b);
  const unit = (zero - top) / 10;
  expect(ends[0]).toBeCloseTo(top - 5 * unit, 1);
  expect(ends[1]).toBeCloseTo(top + 5 * unit, 1);
});

test("a bar that is far out is cut and says its value", async () => {
  const groups = ["a", "b", "c"];
  const panel = { height: 100, yLabel: "", groups, bars: [[bar(1)], [bar(1.1)], [bar(40)]] };
  const cut = await bars({ ...panel, cut: true });
  expect(cut.texts).toContain("↑40");
  expect(cut.rects[2]!.height / cut.rects[0]!.height).toBeLessThan(5);
  const whole = await bars(panel);
  expect(whole.rects[2]!.height / whole.rects[0]!.height).toBeCloseTo(40, 0);
});

test("path data is absolute; arcs keep to the circle", () => {
  expect(plainPath("M1,2h3v4l-1,-1zM0,0L5 5")).toBe("M1 2L4 2L4 6L3 5ZM0 0L5 5");
  const numbers = [...circlePath(10, 10, 5).matchAll(/C[^CZ]*/g)].map(([part]) =>
    part.slice(1).split(" ").map(Number),
  );
  expect(numbers).toHaveLength(4);
  for (const [, , , , x, y] of numbers) expect(Math.hypot(x! - 10, y! - 10)).toBeCloseTo(5, 2);
});

test("text breaks at words, and within a word that is too long", async () => {
  const { regular } = await typeface();
  expect(wrap(regular, "one two three", 7, 30)).toEqual(["one two", "three"]);
  const cut = wrap(regular, "x".repeat(60), 7, 50);
  expect(cut.length).toBeGreaterThan(2);
  expect(cut.join("")).toBe("x".repeat(60));
});

test("thinned lines keep their mean", () => {
  const points = Array.from({ length: 1000 }, (_, i) => [i, i % 10] as const);
  const few = thinned(points, 100);
  expect(few).toHaveLength(100);
  expect(few.reduce((sum, [, y]) => sum + y, 0) / 100).toBeCloseTo(4.5, 1);
  expect(thinned(points.slice(0, 5), 100)).toHaveLength(5);
});

test("log axes have ticks however short they are", () => {
  expect(logTicks(1, 8)).toEqual([1, 2, 5]);
  expect(logTicks(0.5, 2000)).toEqual([1, 10, 100, 1000]);
  expect(logTicks(16.3298, 16.3298)).toEqual([16]);
});
