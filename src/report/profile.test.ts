import { expect, test } from "bun:test";
import type { FunctionProfile } from "../profile/profile.ts";
import { drawFigure } from "./draw/figure.ts";
import { svgInline } from "./export/svg.ts";
import { profileFigure } from "./profile-figure.ts";
import { profileTable } from "./profile-table.ts";

const same = (value: number) => ({ min: value, median: value, max: value });
const profile: FunctionProfile = {
  function: "web",
  requests: 3,
  seed: 1,
  tracker: "ebpf",
  coldStartMs: 500,
  initMs: 400,
  residentBytes: { launch: 10 * 1024 ** 2, init: 200 * 1024 ** 2, firstRequest: 210 * 1024 ** 2 },
  segments: {
    runtime: { pages: 256, touched: same(64) },
    init: { pages: 512, touched: { min: 128, median: 256, max: 384 } },
    execution: { pages: 256, touched: same(256) },
  },
  durationMs: same(8),
  cpuMs: same(7),
};

test("the table gives memory in MiB, and what is touched as smallest, median and largest", () => {
  const cells = profileTable([profile]).trim().split("\n").at(-1)!.split(/ {2,}/);
  expect(cells).toEqual([
    "web",
    "10.0",
    "200.0",
    "210.0",
    "1.0",
    "2.0",
    "1.0",
    "1.8 / 2.3 / 2.8",
    "8.0",
    "7.0",
    "500",
  ]);
});

test("the figure's bars are shares of the whole: a quarter, a half and a quarter here, each part touched or not", async () => {
  const svg = svgInline(await drawFigure(profileFigure([profile])));
  expect(svg).toContain("web, 4 MiB");
  const bars = svg.match(/<rect [^>]*height="1[^>]*>/g)!;
  const widths = bars.map((bar) => Number(/width="([\d.]+)"/.exec(bar)![1]));
  const parts = [64, 192, 256, 256, 256, 0].map((pages) => pages / 1024);
  const whole = widths.reduce((sum, width) => sum + width, 0);
  expect(widths).toHaveLength(6);
  for (const [i, part] of parts.entries()) expect(widths[i]! / whole).toBeCloseTo(part, 2);
});
