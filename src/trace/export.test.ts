import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportTrace } from "./export.ts";
import { generateTrace } from "./generate.ts";
import { importAzure2019 } from "./import-2019.ts";
import { importAzure2021 } from "./import-2021.ts";

const folder = mkdtempSync(join(tmpdir(), "faasmem-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const trace = generateTrace({ name: "g", shape: "bursty", functions: 5, hours: 3, seed: 3 });

test("what is exported in the 2021 schema comes back as it was", async () => {
  const path = join(folder, "2021.csv");
  exportTrace(trace, "2021", path);
  const { trace: back } = await importAzure2021(path);
  expect(back.functions.length).toBe(trace.functions.length);
  back.functions.forEach((fn, rank) => {
    const before = trace.functions[rank]!.arrivals;
    expect(fn.arrivals.length).toBe(before.length);
    for (const [i, at] of fn.arrivals.entries()) expect(at).toBeCloseTo(before[i]!, 6);
    expect([...fn.durations]).toEqual([...trace.functions[rank]!.durations]);
  });
});

test("what is exported in the 2019 schema comes back with the same counts in each minute", async () => {
  const path = join(folder, "2019.csv");
  exportTrace(trace, "2019", path);
  expect(readFileSync(path, "utf8").split("\n")[0]).toStartWith(
    "HashOwner,HashApp,HashFunction,Trigger,1,2,3",
  );
  const { trace: back } = await importAzure2019(path, { seed: 1, spread: "equidistant" });
  const minutes = (arrivals: Float64Array) => [...arrivals].map((at) => Math.floor(at / 60));
  expect(back.functions.map((fn) => minutes(fn.arrivals))).toEqual(
    trace.functions.map((fn) => minutes(fn.arrivals)),
  );
});

test("an export that fails leaves nothing behind", () => {
  const path = join(folder, "nowhere", "t.csv");
  expect(() => exportTrace(trace, "2021", path)).toThrow("ENOENT");
  expect(existsSync(`${path}.tmp`)).toBe(false);
});
