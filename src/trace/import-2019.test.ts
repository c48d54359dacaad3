import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sharedData } from "../../test/shared-data.ts";
import { random } from "../base/random.ts";
import { importAzure2019 } from "./import-2019.ts";
import { type Spread, spreadOver } from "./spread.ts";

const folder = mkdtempSync(join(tmpdir(), "faasmem-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (text: string, name = "i.csv") => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const options = { seed: 1, spread: "uniform" as Spread };
const HEADER = "HashOwner,HashApp,HashFunction,Trigger,1,2,3";

test("counts become arrivals of their minutes, ranked, with durations of the other file", async () => {
  const durations = file("HashOwner,HashApp,HashFunction,Average,Count\no,a,g,250,9\n", "d.csv");
  const { trace, notes } = await importAzure2019(
    file(`${HEADER}\no,a,f,http,0,1,\no,a,g,queue,2,0,3\r\no,a,h,http,0,0,0\n`),
    {
      ...options,
      durations,
    },
  );
  expect(trace.functions.map((fn) => [fn.id, fn.arrivals.length])).toEqual([
    ["o/a/g", 5],
    ["o/a/f", 1],
  ]);
  const [g, f] = trace.functions;
  expect([...g!.arrivals].map((at) => Math.floor(at / 60))).toEqual([0, 0, 2, 2, 2]);
  expect([...g!.arrivals]).toEqual([...g!.arrivals].toSorted((a, b) => a - b));
  expect(g!.durations[0]).toBe(0.25);
  expect(f!.durations[0]).toBe(0.1);
  expect(notes).toEqual(["1 functions have no known duration: 0.1 s each"]);
});

test("a seed gives the same arrivals, another one others", async () => {
  const path = file(`${HEADER}\no,a,f,http,5,5,5\n`);
  const arrivals = async (seed: number) => [
    ...(await importAzure2019(path, { ...options, seed })).trace.functions[0]!.arrivals,
  ];
  expect(await arrivals(3)).toEqual(await arrivals(3));
  expect(await arrivals(3)).not.toEqual(await arrivals(4));
});

test("spreads: equidistant, uniform and exponential moments within the minute", () => {
  expect([...spreadOver(3, "equidistant", () => 0)]).toEqual([10, 30, 50]);
  for (const spread of ["uniform", "exponential"] as const) {
    const moments = spreadOver(20_000, spread, random(1));
    expect(moments).toEqual(moments.toSorted((a, b) => a - b));
    expect(moments.at(-1)!).toBeLessThan(60);
    expect(moments.reduce((sum, at) => sum + at, 0) / moments.length).toBeCloseTo(30, 0);
  }
});

test.each([
  ["another header", "a,b\n1,2\n", "BAD_TRACE", ":1:"],
  ["nothing", `${HEADER}\no,a,f,http,0,0,0\n`, "EMPTY_TRACE", "no invocation"],
  ["nothing good", `${HEADER}\no,a,f,http,0,0\n`, "EMPTY_TRACE", "1 malformed rows"],
  ["more than memory is for", `${HEADER}\no,a,f,http,9e6,9e6,9e7\n`, "TOO_LARGE", "more than"],
])("%s is refused", (_, text, code, message) => {
  expect(importAzure2019(file(text, "bad.csv"), options)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});

test("malformed rows are skipped, counted and named by their line; strict stops at the first", async () => {
  const rows = [
    "o,a,f,http,1,2",
    "o,a,g,http,1,2,x",
    "o,a,h,http,1,2,-1",
    "o,a,i,http,1,2,1.5",
    "o,a,j,http,1,2,3",
  ];
  const path = file(`\uFEFF${HEADER}\n${rows.join("\n")}\n`, "rows.csv");
  const { trace, rows: good, skipped, badRows } = await importAzure2019(path, options);
  expect([good, skipped, trace.functions.length]).toEqual([1, 4, 1]);
  expect(badRows.map((row) => row.line)).toEqual([2, 3, 4, 5]);
  expect(importAzure2019(path, { ...options, strict: true })).rejects.toMatchObject({
    code: "BAD_TRACE",
    message: expect.stringContaining(`${path}:2:`),
  });
});

test("a sample takes about its share of the functions, the same ones for the same seed", async () => {
  const rows = Array.from({ length: 1000 }, (_, i) => `o,a,f${i},http,1,0,0`);
  const path = file(`${HEADER}\n${rows.join("\n")}\n`, "many.csv");
  const ids = async (seed: number) =>
    (await importAzure2019(path, { ...options, seed, sample: 0.1 })).trace.functions.map((fn) => fn.id);
  const found = await ids(1);
  expect(Math.abs(found.length - 100)).toBeLessThan(40);
  expect(await ids(1)).toEqual(found);
  expect(await ids(2)).not.toEqual(found);
});

const sample = sharedData("azure2019-invitro-500", "invocations.csv");

test.skipIf(sample.absent)("imports 500 functions of the real trace, every invocation of them", async () => {
  const rows = (await Bun.file(sample.path).text()).trim().split("\n").slice(1);
  const expected = rows.map((row) =>
    row
      .split(",")
      .slice(4)
      .reduce((sum, n) => sum + Number(n), 0),
  );
  const { trace, skipped } = await importAzure2019(sample.path, options);
  expect(skipped).toBe(0);
  expect(trace.functions.map((fn) => fn.arrivals.length)).toEqual(
    expected.filter((n) => n > 0).toSorted((a, b) => b - a),
  );
  expect(trace.spanS).toBeLessThan(480 * 60);
});
