import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { datasetOf } from "../data/dataset.ts";
import type { Table } from "../data/table.ts";
import { drawFigure } from "../draw/figure.ts";
import { rect, type Scene, text } from "../draw/scene.ts";
import { benchmarksEntry } from "../figures/benchmarks.ts";
import { fixtureSource } from "../testing/fixture.ts";
import { expectGolden } from "../testing/golden.ts";
import { readPng } from "../testing/pixels.ts";
import { writeWhole } from "./atomic.ts";
import { csvTable } from "./csv.ts";
import { formats, writeDrawing } from "./formats.ts";
import { latexTable } from "./latex.ts";
import { markdownTable } from "./markdown.ts";
import { pdfFile } from "./pdf.ts";
import { DPI, pngFile } from "./png.ts";
import { svgFile, svgInline } from "./svg.ts";
import { terminalTable } from "./terminal.ts";

const parent = mkdtempSync(join(tmpdir(), "faasmem-test-"));
afterAll(() => rmSync(parent, { recursive: true }));
const newFolder = () => mkdtempSync(join(parent, "folder-"));

setDefaultTimeout(30_000);
const about = { creator: "faasmem 1.2.3", createdAt: new Date("2026-03-01T11:00:00Z") };
const scene: Scene = {
  ...{ width: 240, height: 100, title: "Übung <1>", description: "A bar & a word" },
  items: [
    rect(20, 30, 40, 50, { fill: "#0072b2" }),
    text(100, 50, "Säule 42 %", { size: 9, bold: true }),
    text(120, 90, "upright", { angle: -90 }),
  ],
};
const source = fixtureSource({
  experiment: "benchmarks",
  functions: ["web", "bert"],
  windows: ["high"],
  samples: 3,
});
const dataset = datasetOf([source]);

/** All streams of a PDF, unpacked, as text. */
const streams = (file: Uint8Array): string[] =>
  [
    ...Buffer.from(file)
      .toString("latin1")
      .matchAll(/stream\n([\s\S]*?)\nendstream/g),
  ].map(([, packed]) => inflateSync(Buffer.from(packed!, "latin1")).toString("latin1"));

test("the SVG needs no font: texts are outlines, readable for machines, and nothing breaks out of them", async () => {
  const svg = await svgFile(scene);
  expect(svg).not.toContain("<text");
  expect(svg).toContain('aria-label="Säule 42 %"');
  expect(svg).toContain("<title>Übung &#60;1&#62;</title>");
  expect(svg).toContain('width="240pt"');
  const defined = new Set([...svg.matchAll(/<path id="(\w+)"/g)].map(([, id]) => id));
  const used = [...svg.matchAll(/xlink:href="#(\w+)"/g)].map(([, id]) => id);
  expect(used.length).toBeGreaterThan(14);
  expect(used.filter((id) => !defined.has(id))).toEqual([]);
  expectGolden("outlined.svg", svg);
});

test("a name cannot become markup", async () => {
  const bad = '"><script>alert(1)</script>';
  const named = { ...scene, title: bad, items: [text(1, 10, bad)] };
  for (const svg of [await svgFile(named), svgInline(named)]) expect(svg).not.toContain("<script");
});

test("the PDF is one page of the figure's size with its fonts inside and texts that can be searched", async () => {
  const file = await pdfFile(scene, about);
  const plain = Buffer.from(file).toString("latin1");
  expect(plain).toStartWith("%PDF-1.7");
  expect(plain).toContain("/MediaBox [0 0 240 100]");
  expect(plain.match(/\/FontFile2 \d+ 0 R/g)).toHaveLength(2);
  expect(plain).toMatch(/\/BaseFont \/[A-Z]{6}\+SourceSans3-SemiBold/);
  const maps = streams(file).filter((stream) => stream.includes("beginbfchar"));
  expect(maps.join()).toContain("<00E4>"); // ä of Säule
  // The table of places names the byte where each object begins.
  const at = Number(/startxref\n(\d+)/.exec(plain)![1]);
  const places = [...plain.slice(at).matchAll(/^(\d{10}) 00000 n/gm)].map(([, place]) => Number(place));
  expect(places.length).toBeGreaterThan(8);
  for (const [i, place] of places.entries()) expect(plain.slice(place)).toStartWith(`${i + 1} 0 obj`);
});

test("the PDF depends on nothing but the results", async () => {
  expect(await pdfFile(scene, about)).toEqual(await pdfFile(scene, about));
  const later = await pdfFile(scene, { ...about, createdAt: new Date("2026-03-02") });
  expect(Buffer.from(later).equals(Buffer.from(await pdfFile(scene, about)))).toBe(false);
});

test("the PNG has the figure's size in print, and its bar where it belongs", async () => {
  const { width, height, perMetre, colourAt } = readPng(await pngFile(scene));
  expect([width, height]).toEqual([1000, 417]);
  expect(perMetre).toBe(Math.round(DPI / 0.0254));
  const unit = 1000 / 240;
  const column = Math.round(40 * unit);
  const blue = Array.from({ length: height }, (_, y) => y).filter((y) => colourAt(column, y) === "#0072b2");
  expect(blue[0]).toBeCloseTo(30 * unit, -0.5);
  expect(blue.length).toBeCloseTo(50 * unit, -0.5);
  expect(colourAt(5, 5)).toBe("#ffffff");
});

test("in the PNG of real figures bars are as high as their ratios", async () => {
  const { figures } = benchmarksEntry.draw(dataset);
  const drawn = await drawFigure(figures[0]!);
  const bars = drawn.items.filter(
    (item) => item.kind === "rect" && item.fill === "#0072b2" && item.height > 9,
  );
  const { colourAt } = readPng(await pngFile(drawn));
  const unit = DPI / 72;
  expect(bars).toHaveLength(4);
  // The first two: no line crosses the memory panel.
  for (const bar of bars.slice(0, 2)) {
    if (bar.kind !== "rect") continue;
    const x = Math.round((bar.x + bar.width / 2) * unit);
    const at = (y: number) => colourAt(x, Math.round(y * unit));
    expect(at(bar.y + 1.5)).toBe("#0072b2");
    expect(at(bar.y - 1.5)).not.toBe("#0072b2");
  }
});

const table: Table = {
  name: "t",
  title: "Tricky | 100 %",
  columns: [{ label: "name" }, { label: "a_b", digits: 1 }, { label: "share", digits: 1, percent: true }],
  rows: [
    ["=cmd|' /C calc'!A0", { mean: 1.25, half: 0.5, n: 3 }, 0.5],
    ['quote " and, comma', { mean: 2, half: null, n: 1 }, null],
    ["<b>*bold*</b> \\ $x^2$ #1 & ~", null, { mean: 0.1, half: 0.02, n: 2 }],
    ["-5", 3, 1],
  ],
  notes: ["A note, with 5 % & more."],
};

test("CSV holds full numbers, intervals in columns of their own, and no formula", () => {
  expect(csvTable(table).split("\r\n")).toEqual([
    "name,a_b,a_b ±95 %,share,share ±95 %,note",
    `'=cmd|' /C calc'!A0,1.25,0.5,0.5,,"A note, with 5 % & more."`,
    `"quote "" and, comma",2,,,,"A note, with 5 % & more."`,
    `<b>*bold*</b> \\ $x^2$ #1 & ~,,,0.1,0.02,"A note, with 5 % & more."`,
    `-5,3,,1,,"A note, with 5 % & more."`,
    "",
  ]);
});

test("Markdown keeps its columns and escapes names", () => {
  const lines = markdownTable(table).split("\n");
  expect(lines[0]).toBe("**Tricky \\| 100 %**");
  expect(lines[3]).toBe("| --- | ---: | ---: |");
  expect(lines[4]).toBe("| =cmd\\|' /C calc'!A0 | 1.3 ± 0.5 | 50.0 % |");
  expect(lines[6]).toContain("\\<b\\>\\*bold\\*\\</b\\>");
  for (const line of lines.slice(2, 8)) expect(line.replaceAll("\\|", "").split("|")).toHaveLength(5);
});

test("LaTeX escapes all that means something to it", () => {
  const tex = latexTable(table);
  expect(tex).toContain("\\begin{tabular}{lrr}");
  expect(tex).toContain("a\\_b");
  expect(tex).toContain("1.3 $\\pm$ 0.5 & 50.0 \\% \\\\");
  expect(tex).toContain(
    "\\textless{}b\\textgreater{}*bold*\\textless{}/b\\textgreater{} \\textbackslash{} \\$x\\textasciicircum{}2\\$ \\#1 \\& \\textasciitilde{}",
  );
  for (const rule of ["\\toprule", "\\midrule", "\\bottomrule"]) expect(tex).toContain(rule);
});

test("the terminal shows title, numbers and notes", () => {
  const shown = terminalTable(table);
  expect(shown).toStartWith("Tricky | 100 %\n\n");
  expect(shown).toContain("1.3 ± 0.5");
  expect(shown).toEndWith("A note, with 5 % & more.");
});

test("all formats are written at once, with nothing beside them", async () => {
  const folder = newFolder();
  const written = await writeDrawing(
    benchmarksEntry.draw(dataset),
    dataset,
    formats,
    join(folder, "new/deep"),
  );
  const names = formats.map((format) => `faasmem-benchmarks-high.${format}`);
  expect(readdirSync(join(folder, "new/deep")).toSorted()).toEqual(names.toSorted());
  expect(written).toHaveLength(formats.length);
});

test("a file that cannot be written leaves the old one and no rest", () => {
  const folder = newFolder();
  mkdirSync(join(folder, "taken.svg"));
  writeFileSync(join(folder, "taken.svg", "inside"), "old");
  expect(() => writeWhole(join(folder, "taken.svg"), "new")).toThrow();
  expect(readdirSync(folder)).toEqual(["taken.svg"]);
  expect(readFileSync(join(folder, "taken.svg", "inside"), "utf8")).toBe("old");
  expect(() => writeWhole(join(folder, "taken.svg/inside/file.svg"), "new")).toThrow("not a folder");
});
