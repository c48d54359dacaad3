import { expect, setDefaultTimeout, test } from "bun:test";
import { openStore } from "../../results/store.ts";
import { type FixturePlan, fixtureBarriers, storeFixture } from "../testing/fixture.ts";
import { reportContent } from "./content.ts";
import { htmlReport } from "./html-page.ts";
import { html } from "./html-text.ts";
import { markdownReport } from "./markdown-page.ts";

setDefaultTimeout(30_000);

const writtenAt = new Date("2026-03-02T00:00:00Z");

function storeOf(...plans: FixturePlan[]) {
  const store = openStore(":memory:");
  for (const plan of plans) storeFixture(store, plan);
  return store;
}
const benchmarks = {
  experiment: "benchmarks",
  functions: ["web", "bert"],
  windows: ["high"],
  samples: 5,
  repeats: 2,
};
const overhead = { experiment: "overhead", windows: [], documents: { barriers: fixtureBarriers(["web"]) } };

test("the HTML report holds claims, verdicts, figures, runs and commands, and fetches nothing", async () => {
  const page = await htmlReport(reportContent(storeOf(benchmarks, overhead), { writtenAt }));
  for (const part of [
    "Average local memory is 9.9 % to 79.8 % less",
    "✓ reproduced",
    "– not measured",
    "2 repeats",
    "Test CPU",
  ])
    expect(page).toContain(part);
  expect(page).toContain("faasmem experiment run benchmarks");
  expect(page).toContain("trace time 30x real time");
  expect(page.match(/<figure>/g)!.length).toBeGreaterThan(2);
  expect(page).toContain("@media (prefers-color-scheme:dark)");
  expect(page).toContain("@media print");
  expect(page).toContain("default-src 'none'");
  const addresses = [...page.matchAll(/(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)/g)].map(
    ([, address]) => address!,
  );
  expect(addresses.filter((address) => !address.startsWith("data:font/woff"))).toEqual([]);
  expect(page).not.toContain("<script");
  expect(page).not.toMatch(/NaN|undefined|\[object/);
});

test("tags of the page are closed in order", async () => {
  const page = await htmlReport(reportContent(storeOf(benchmarks, overhead), { writtenAt }));
  const open: string[] = [];
  for (const [, close, name, self] of page
    .replace(/<style>[\s\S]*?<\/style>/, "")
    .matchAll(/<(\/?)([a-zA-Z][\w]*)[^>]*?(\/?)>/g)) {
    if (self || ["meta"].includes(name!)) continue;
    if (close) expect(open.pop()).toBe(name!);
    else open.push(name!);
  }
  expect(open).toEqual([]);
});

test("names cannot become markup", async () => {
  const bad = '<img src=x onerror="alert(1)">';
  const store = storeOf({ ...benchmarks, functions: [bad, "web"], windows: [`w${bad}`], windowNote: bad });
  const content = reportContent(store, { writtenAt });
  expect(await htmlReport(content)).not.toContain("<img");
  // Between backticks it is code.
  expect(markdownReport(content).replace(/`[^`]*`/g, "")).not.toMatch(/(?<!\\)<img/);
});

test("without any run nothing is measured, and the report says how to begin", async () => {
  const content = reportContent(storeOf(), { writtenAt });
  const page = await htmlReport(content);
  expect(page).toContain("8 not measured");
  expect(page).toContain("faasmem experiment run quick");
  expect(markdownReport(content)).toContain("not measured");
});

test("the Markdown report holds the same claims and all tables", () => {
  const text = markdownReport(reportContent(storeOf(benchmarks, overhead), { writtenAt }));
  for (const part of [
    "### Local memory: reproduced",
    "| function | system |",
    "- Redo: `faasmem experiment run overhead",
    "## Runs",
  ])
    expect(text).toContain(part);
});

test("the newest own run is taken, or the one that is asked for", () => {
  const store = storeOf(benchmarks, benchmarks, { ...benchmarks, mode: "imported" });
  const runOf = (runs: number[]) =>
    reportContent(store, { runs, writtenAt }).claims.find(({ id }) => id === "memory")!.run!.id;
  expect([runOf([]), runOf([1]), runOf([3])]).toEqual([2, 1, 3]);
});

test("html escapes what is put in, in lists too", () => {
  expect(html`<p>${"<&\"'>"}${["a<", html`<b>`]}${null}</p>`.text).toBe(
    "<p>&lt;&amp;&quot;&#39;&gt;a&lt;<b></p>",
  );
});
