import { describe, expect, test } from "bun:test";
import { datasetOf, type Source } from "../data/dataset.ts";
import type { Table } from "../data/table.ts";
import { drawFigure } from "../draw/figure.ts";
import { COLUMN, TEXT_SIZE } from "../draw/style.ts";
import { csvTable } from "../export/csv.ts";
import { latexTable } from "../export/latex.ts";
import { markdownTable } from "../export/markdown.ts";
import { svgInline } from "../export/svg.ts";
import { textWidth } from "../font/font.ts";
import { typeface } from "../font/source-sans.ts";
import {
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
      const faces = await typeface();
      for (const figure of figures) {
        const scene = await drawFigure(figure);
        const boxes = scene.items.flatMap((item) => {
          if (item.kind !== "text") return [];
          expect({ text: item.text, size: item.size }).toEqual({
            text: item.text,
            size: Math.max(item.size, TEXT_SIZE),
          });
          const width = textWidth(item.bold ? faces.bold : faces.regular, item.text, item.size);
          const start = { start: 0, middle: -width / 2, end: -width }[item.anchor];
          const turn = (item.angle * Math.PI) / 180;
          // From the base line to the height of capitals, in the direction of the text.
          const corners = [
            [start, 0],
            [start + width, 0],
            [start, -item.size * 0.66],
            [start + width, -item.size * 0.66],
          ].map(([along, up]) => [
            item.x + along! * Math.cos(turn) - up! * Math.sin(turn),
            item.y + along! * Math.sin(turn) + up! * Math.cos(turn),
          ]);
          const xs = corners.map(([x]) => x!);
          const ys = corners.map(([, y]) => y!);
          const box = {
            text: item.text,
            angle: item.angle,
            x1: Math.min(...xs),
            x2: Math.max(...xs),
            y1: Math.min(...ys),
            y2: Math.max(...ys),
          };
          const inside = box.x1 >= 0 && box.x2 <= COLUMN + 0.5 && box.y1 >= 0 && box.y2 <= scene.height;
          expect({ ...box, inside }).toEqual({ ...box, inside: true });
          return [box];
        });
        const straight = boxes.filter(({ angle }) => angle % 90 === 0);
        for (const [i, a] of straight.entries())
          for (const b of straight.slice(i + 1)) {
            const over =
              Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1) > 0.3 &&
              Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1) > 0.3;
            expect({ figure: figure.name, a: a.text, b: b.text, over }).toEqual({
              figure: figure.name,
              a: a.text,
              b: b.text,
              over: false,
            });
          }
      }
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

test("all eleven functions fit a column, whatever the labels", async () => {
  const functions = [
    "bert",
    "graph",
    "web",
    "float",
    "matmul",
    "linpack",
    "image",
    "chameleon",
    "pyaes",
    "gzip",
    "json",
  ];
  const source = fixtureSource({
    experiment: "benchmarks",
    functions,
    systems: three,
    windows: ["high"],
    samples: 3,
  });
  const scene = await drawFigure(drawingOf("benchmarks", source).figures[0]!);
  const bars = scene.items.filter(
    (item) => item.kind === "rect" && item.fill === "#0072b2" && item.height > 10,
  );
  expect(bars).toHaveLength(2 * 11);
});
