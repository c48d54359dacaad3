import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sharedData } from "../../test/shared-data.ts";
import { importAzure2021 } from "./import-2021.ts";
import { windowOf } from "./trace.ts";
import { noteOf2021 } from "./trace-2021.ts";

const HEADER = "app,func,end_timestamp,duration";
const folder = mkdtempSync(join(tmpdir(), "faasmem-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string, name = "t.csv"): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const sample = sharedData("azure2021-sample", "Azure2021_200.csv");

test.skipIf(sample.absent)("imports a piece of the real trace", async () => {
  const { trace, rows, skipped } = await importAzure2021(sample.path);
  // Counted with awk: 199 rows, 31 pairs of application and function, 32 invocations of the two busiest.
  expect({ rows, skipped, functions: trace.functions.length }).toEqual({
    rows: 199,
    skipped: 0,
    functions: 31,
  });
  expect(trace.functions.slice(0, 6).map((fn) => fn.arrivals.length)).toEqual([32, 32, 21, 16, 16, 10]);
  expect(Math.min(...trace.functions.map((fn) => fn.arrivals[0]!))).toBeCloseTo(0.001491, 5);
});

test("arrivals are end minus duration, sorted, functions ranked", async () => {
  const path = file(`${HEADER}\na,f,10,1\na,g,5,1\na,g,4,2\r\na,g,9,0.5`);
  const { trace } = await importAzure2021(path);
  expect(trace.functions.map((fn) => fn.id)).toEqual(["a/g", "a/f"]);
  expect([...trace.functions[0]!.arrivals]).toEqual([2, 4, 8.5]);
  expect([...trace.functions[0]!.durations]).toEqual([2, 1, 0.5]);
  expect(trace.spanS).toBe(9);
});

test("malformed rows are skipped, counted and named by their line", async () => {
  const rows = ["a,f,1,0.5", "a,f,x,1", "a,f,2", ",f,3,1", "a,f,4,-1", "a,f,,1", "a,f,5,1"];
  const {
    skipped,
    badRows,
    rows: good,
  } = await importAzure2021(file(`\uFEFF${HEADER}\n${rows.join("\n")}\n`));
  expect(good).toBe(2);
  expect(skipped).toBe(5);
  expect(badRows.map((row) => row.line)).toEqual([3, 4, 5, 6, 7]);
});

test("strict stops at the first malformed row with its line", async () => {
  const path = file(`${HEADER}\na,f,1,0.5\na,f,x,1\n`);
  expect(importAzure2021(path, { strict: true })).rejects.toMatchObject({
    code: "BAD_TRACE",
    message: expect.stringContaining(`${path}:3:`),
  });
});

test.each([
  ["a wrong header", "app,func\n", "t.csv", "BAD_TRACE"],
  ["only a header", `${HEADER}\n`, "t.csv", "EMPTY_TRACE"],
  ["nothing", "", "t.csv", "EMPTY_TRACE"],
  ["an archive by its name", "x", "t.rar", "ARCHIVED_TRACE"],
  ["an archive by its first bytes", "Rar!\u001a", "t.txt", "ARCHIVED_TRACE"],
])("%s is refused", (_, text, name, code) => {
  expect(importAzure2021(file(text, name))).rejects.toMatchObject({ code });
});

test("a missing file is refused", () => {
  expect(importAzure2021(join(folder, "absent.csv"))).rejects.toMatchObject({
    code: "NO_SUCH_FILE",
    kind: "usage",
  });
});

test("starts before zero begin at zero and are counted", async () => {
  const { trace, clamped } = await importAzure2021(file(`${HEADER}\na,f,1,3\n`));
  expect([...trace.functions[0]!.arrivals]).toEqual([0]);
  expect(clamped).toBe(1);
});

test("a window is counted from its first arrival", () => {
  const fn = { id: "f", arrivals: Float64Array.of(0, 5, 7, 20), durations: new Float64Array(4) };
  expect(windowOf(fn, 1, 10)).toEqual([0, 2]);
  expect(windowOf(fn, 9, 10)).toEqual([]);
});

test.each([
  [".rar", "unrar x"],
  [".7z", "7z x"],
])("a %s is named with the command that unpacks it", (extension, command) => {
  const path = file("x", `t${extension}`);
  expect(importAzure2021(path)).rejects.toMatchObject({ fix: `unpack it first: ${command} ${path}` });
});

test("the sum of the file is told, and a file named as the public one says what is missing of it", async () => {
  const text = `${HEADER}\na,f,1,0.5\n`;
  const name = "AzureFunctionsInvocationTraceForTwoWeeksJan2021.txt";
  const { sha256, notes } = await importAzure2021(file(text, name));
  expect(sha256).toBe(new Bun.CryptoHasher("sha256").update(text).digest("hex"));
  expect(notes).toEqual([expect.stringContaining("this file has 1 of 1")]);
  expect((await importAzure2021(file(text))).notes).toEqual([]);
  expect(noteOf2021("mine.csv", 1_980_951, 424)).toStartWith("as many invocations");
  expect(noteOf2021("mine.csv", 1_980_951, 423)).toContain("not the whole trace");
});

test("a file without any line is no text", () => {
  const path = file("x".repeat(17 * 1024 ** 2), "binary.csv");
  expect(importAzure2021(path)).rejects.toMatchObject({ code: "BAD_TRACE" });
});
