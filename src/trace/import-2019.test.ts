import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random } from "../base/random.ts";
import { importAzure2019, type Spread, spreadOver } from "./import-2019.ts";

const folder = mkdtempSync(join(tmpdir(), "faasmem-test-"));
const file = (text: string, name = "i.csv") => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const options = { seed: 1, spread: "uniform" as Spread };
const HEADER = "HashOwner,HashApp,HashFunction,Trigger,1,2,3";

test("counts become arrivals of their minutes, ranked, with durations of the other file", async () => {
  const durations = file("HashOwner,HashApp,HashFunction,Average,Count\no,a,g,250,9\n", "d.csv");
  const trace = await importAzure2019(
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
});

test("a seed gives the same arrivals, another one others", async () => {
  const path = file(`${HEADER}\no,a,f,http,5,5,5\n`);
  const arrivals = async (seed: number) => [
    ...(await importAzure2019(path, { ...options, seed })).functions[0]!.arrivals,
  ];
  expect(await arrivals(3)).toEqual(await arrivals(3));
  expect(await arrivals(3)).not.toEqual(await arrivals(4));
});

test("spreads: equidistant, uniform and exponential moments within the minute", () => {
  expect(spreadOver(3, "equidistant", () => 0)).toEqual([10, 30, 50]);
  for (const spread of ["uniform", "exponential"] as const) {
    const moments = spreadOver(20_000, spread, random(1));
    expect(moments).toEqual(moments.toSorted((a, b) => a - b));
    expect(moments.at(-1)!).toBeLessThan(60);
    expect(moments.reduce((sum, at) => sum + at, 0) / moments.length).toBeCloseTo(30, 0);
  }
});

test.each([
  ["another header", "a,b\n1,2\n", "BAD_TRACE", ":1:"],
  ["a short row", `${HEADER}\no,a,f,http,1,2\n`, "BAD_TRACE", ":2:"],
  ["no count", `${HEADER}\no,a,f,http,1,2,x\n`, "BAD_TRACE", ":2:"],
  ["a negative count", `${HEADER}\no,a,f,http,1,2,-1\n`, "BAD_TRACE", ":2:"],
  ["nothing", `${HEADER}\no,a,f,http,0,0,0\n`, "EMPTY_TRACE", "no invocation"],
])("%s is refused", (_, text, code, message) => {
  expect(importAzure2019(file(text, "bad.csv"), options)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});

// Data of the public 2019 trace, beside the checkout where it is developed; never in the repository.
const sample = new URL("../../../shared/data/azure2019-invitro-500/invocations.csv", import.meta.url)
  .pathname;

test.skipIf(!existsSync(sample))(
  "imports 500 functions of the real trace, every invocation of them but the largest",
  async () => {
    const text = (await Bun.file(sample).text()).split("\n");
    const rows = [
      text[0]!,
      ...text.slice(1).filter(
        (row) =>
          row &&
          row
            .split(",")
            .slice(4)
            .reduce((sum, n) => sum + Number(n), 0) < 5000,
      ),
    ];
    const expected = rows.slice(1).map((row) =>
      row
        .split(",")
        .slice(4)
        .reduce((sum, n) => sum + Number(n), 0),
    );
    const trace = await importAzure2019(file(rows.join("\n"), "real.csv"), options);
    expect(trace.functions.map((fn) => fn.arrivals.length)).toEqual(
      expected.filter((n) => n > 0).toSorted((a, b) => b - a),
    );
    expect(trace.spanS).toBeLessThan(480 * 60);
  },
);
