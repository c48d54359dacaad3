import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { datasetOf, type Source } from "../data/dataset.ts";
import type { Table } from "../data/table.ts";
import { drawFigure, type Figure } from "../draw/figure.ts";
import type { Text } from "../draw/scene.ts";
import { COLUMN, PAGE, TEXT_SIZE } from "../draw/style.ts";
import { csvTable } from "../export/csv.ts";
import { latexTable } from "../export/latex.ts";
import { markdownTable } from "../export/markdown.ts";
import { svgInline } from "../export/svg.ts";
import { textWidth } from "../font/font.ts";
import { type Typeface, typeface } from "../font/source-sans.ts";
import {
  allFunctions,
  type FixturePlan,
  fixtureBarriers,
  fixtureDensity,
  fixtureSemiwarm,
  fixtureSource,
  fixtureValidation,
  WINDOW_NOTE,
} from "../testing/fixture.ts";
import { expectGolden } from "../testing/golden.ts";
import { figureEntries } from "./registry.ts";

setDefaultTimeout(30_000);

const small = { functions: ["bert", "web"], samples: 24, requests: 16 };
const simulated = { mode: "simulate", windowNote: WINDOW_NOTE } as const;
const three = ["baseline", "tmo", "faasmem"];

/** A small run for each name of `faasmem plot`. */
const plans: Record<string, FixturePlan> = {
  benchmarks: {
    experiment: "benchmarks",
    systems: three,
    windows: ["high", "low"],
    repeats: 3,
    ...small,
    ...simulated,
  },
  workloads: {
    experiment: "workloads",
    systems: three,
    windows: ["0@25011", "3@27267", "4@0"],
    ...small,
    ...simulated,
  },
  ablation: {
    ...{
      experiment: "ablation",
      ...small,
      ...simulated,
      functions: ["bert"],
      windows: ["common", "bursty"],
      windowS: 28800,
    },
    systems: ["baseline", "faasmem", "faasmem-no-pucket", "faasmem-no-semiwarm", "faasmem-no-recall"],
  },
  semiwarm: { experiment: "semiwarm", windows: [], documents: { semiwarm: fixtureSemiwarm() } },
  overhead: {
    experiment: "overhead",
    windows: [],
    documents: { barriers: fixtureBarriers(["bert", "chameleon", "web"]) },
  },
  density: {
    ...{
      experiment: "density",
      functions: ["bert", "graph", "web"],
      windows: ["0@1", "3@2", "4@0", "7@5"],
      samples: 4,
    },
    ...{ ...simulated, documents: { density: fixtureDensity(["bert", "graph", "web"]) } },
  },
  quick: { experiment: "quick", ...small },
  validate: {
    experiment: "validate",
    windows: ["low"],
    documents: { validation: fixtureValidation(["bert", "web"]) },
  },
  memory: { experiment: "quick", ...small },
  heatmap: { experiment: "quick", ...small, functions: ["web"], heatmap: true },
  frontier: { experiment: "benchmarks", systems: three, ...small },
};
interface Box {
  text: string;
  angle: number;
  x1: number;
  x2: number;
  y1: number;
  y2: number;
}

/** Where a text is: from its base line to the height of capitals, turned as it is. */
function boxOf(item: Text, faces: Typeface): Box {
  const width = textWidth(item.bold ? faces.bold : faces.regular, item.text, item.size);
  const start = { start: 0, middle: -width / 2, end: -width }[item.anchor];
  const turn = (item.angle * Math.PI) / 180;
  const corners = [start, start + width].flatMap((along) =>
    [0, -0.66 * item.size].map((up) => [
      item.x + along * Math.cos(turn) - up * Math.sin(turn),
      item.y + along * Math.sin(turn) + up * Math.cos(turn),
    ]),
  );
  const [xs, ys] = [corners.map(([x]) => x!), corners.map(([, y]) => y!)];
  return {
    ...{ text: item.text, angle: item.angle, x1: Math.min(...xs), x2: Math.max(...xs) },
    ...{ y1: Math.min(...ys), y2: Math.max(...ys) },
  };
}

/** Texts are large enough for print, inside of the figure, and not over each other. */
async function expectReadable(figure: Figure): Promise<void> {
  const [faces, scene] = await Promise.all([typeface(), drawFigure(figure)]);
  const texts = scene.items.filter((item): item is Text => item.kind === "text");
  expect(texts.filter(({ size }) => size < TEXT_SIZE)).toEqual([]);
  const boxes = texts.map((item) => boxOf(item, faces));
  const isOutside = ({ x1, x2, y1, y2 }: Box) =>
    x1 < 0 || x2 > scene.width + 0.5 || y1 < 0 || y2 > scene.height;
  expect(boxes.filter(isOutside)).toEqual([]);
  const straight = boxes.filter(({ angle }) => angle % 90 === 0);
  const meet = (a: Box, b: Box) =>
    Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1) > 0.3 && Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1) > 0.3;
  const over = straight.flatMap((a, i) => straight.slice(i + 1).flatMap((b) => (meet(a, b) ? [[a, b]] : [])));
  expect({ figure: figure.name, over }).toEqual({ figure: figure.name, over: [] });
}

const drawingOf = (name: string, source: Source) =>
  figureEntries.find((entry) => entry.name === name)!.draw(datasetOf([source]));

test("there is a figure or table for each name, and a run for each", () => {
  expect(figureEntries.map(({ name }) => name).toSorted()).toEqual(Object.keys(plans).toSorted());
});

for (const [name, plan] of Object.entries(plans)) {
  describe(name, () => {
    const source = fixtureSource(plan);
    const { figures, tables } = drawingOf(name, source);

    test("figures are as stored", async () => {
      expect(figures.length).toBeGreaterThan(0);
      for (const figure of figures) {
        const svg = svgInline(await drawFigure(figure));
        expect(svg).not.toMatch(/NaN|undefined|Infinity|null/);
        expectGolden(`${name === "memory" ? "memory-over-time" : figure.name}.svg`, `${svg}\n`);
      }
    });

    test("tables are as stored in each format", () => {
      expect(tables.length).toBeGreaterThan(0);
      const all = (write: (table: Table) => string) => tables.map(write).join("\n");
      expectGolden(`${name}.md`, all(markdownTable));
      expectGolden(`${name}.csv`, all(csvTable));
      expectGolden(`${name}.tex`, all(latexTable));
    });

    test("no text is too small for print, outside of the figure, or over another", async () => {
      for (const figure of figures) await expectReadable(figure);
    });

    test("mode, time scale and the choice of windows stand below all of it", () => {
      const documentsOnly = source.records.length === 0;
      for (const { notes } of [...figures, ...tables]) {
        const text = notes.join(" ");
        expect(text).toMatch(
          /Replayed, trace time 30x|Simulated from|Measured on real|Calculated from|Real sandboxes/,
        );
        expect(text).toContain("faasmem 1.2.3");
        if (!documentsOnly && source.plan.windowNote && !text.includes("Real sandboxes"))
          expect(text).toContain("Not the trace of 2021");
      }
    });
  });
}

test("all eleven functions fit a column, and two runs of them a page", async () => {
  const plan = {
    experiment: "benchmarks",
    functions: allFunctions,
    systems: three,
    windows: ["high"],
    samples: 3,
  };
  const own = fixtureSource({ ...plan, repeats: 3 });
  const theirs = fixtureSource({ ...plan, runId: 2, mode: "imported" });
  const [one] = drawingOf("benchmarks", own).figures;
  const [both] = figureEntries[0]!.draw(datasetOf([own, theirs])).figures;
  for (const [figure, bars, width] of [
    [one!, 2 * 2 * 11, COLUMN],
    [both!, 2 * 4 * 11, PAGE],
  ] as const) {
    await expectReadable(figure);
    const scene = await drawFigure(figure);
    expect(scene.width).toBe(width);
    expect(scene.items.filter((item) => item.kind === "rect" && item.height > 10)).toHaveLength(bars);
  }
});

test("runs without baseline, without warm requests or without samples are drawn, too", async () => {
  const alone = fixtureSource({
    experiment: "quick",
    functions: ["web"],
    systems: ["faasmem"],
    heatmap: true,
  });
  const bare = fixtureSource({ experiment: "quick", functions: ["web"] });
  const records = bare.records.map((record) => ({
    ...record,
    ...{ cell: { ...record.cell, p95Ms: null, p50Ms: null, avgLocalBytes: 0 }, requests: [], samples: [] },
  }));
  for (const source of [alone, { ...bare, records }]) {
    for (const name of ["quick", "memory", "benchmarks", "workloads", "ablation", "density", "frontier"]) {
      const { figures, tables } = drawingOf(name, source);
      for (const figure of figures)
        expect(svgInline(await drawFigure(figure))).not.toMatch(/NaN|undefined|Infinity/);
      for (const table of tables)
        expect(markdownTable(table) + csvTable(table)).not.toMatch(/NaN|undefined|Infinity/);
    }
  }
});

test("long names of functions, windows and policies stay inside", async () => {
  const name = "a-function-with-a-name-that-nobody-would-type-twice";
  const source = fixtureSource({
    ...{
      experiment: "quick",
      functions: [name, "web"],
      windows: ["a window with a very long label indeed, really"],
    },
    systems: [
      "baseline",
      "./policies/of-somebody/a-policy-with-a-very-long-file-name-that-goes-on-and-on.ts",
    ],
  });
  for (const figure of ["quick", "memory", "frontier"].flatMap((one) => drawingOf(one, source).figures)) {
    const { items } = await drawFigure(figure);
    for (const item of items) {
      if (item.kind !== "text" || item.angle !== 0) continue;
      const { regular } = await typeface();
      const width = textWidth(regular, item.text, item.size);
      const left = item.x - width * { start: 0, middle: 0.5, end: 1 }[item.anchor];
      expect({ text: item.text, inside: left >= 0 && left + width <= COLUMN + 3 }).toEqual({
        text: item.text,
        inside: true,
      });
    }
  }
});
