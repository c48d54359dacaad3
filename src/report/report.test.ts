import { expect, test } from "bun:test";
import type { CellRecord } from "../results/store.ts";
import { experimentTable } from "./experiment-table.ts";
import { formatTable } from "./table.ts";

const request = (latencyMs: number, stallMs: number, start = "warm") => ({
  ...{ atS: 0, latencyMs, start, status: 200, recalledPages: 0, recallFaults: 0, stallMs },
  ...{ runtimePages: null, initPages: null, executionPages: null },
});

const record = (
  fn: string,
  system: string,
  local: number,
  p95Ms: number | null,
  requests: CellRecord["requests"] = [],
): CellRecord => ({
  cell: {
    function: fn,
    system,
    requests: 12,
    errors: 0,
    p50Ms: 9.94,
    p95Ms,
    avgLocalBytes: local * 1024 ** 2,
    avgRemoteBytes: 0,
    coldStarts: 1,
    warmStarts: 10,
    semiWarmStarts: 1,
    window: "quick",
    repeat: 0,
    mode: "replay",
    windowS: 600,
    memoryMetric: "pss",
    resultHash: "",
    latenessP99Ms: 0,
  },
  requests,
  samples: [0, 10, 20].map((atS) => ({ atS, localBytes: local * 1024 ** 2, remoteBytes: 0, sandboxes: 1 })),
});
const records = [
  record("web", "baseline", 200, 20),
  record("web", "faasmem", 50, 21, [
    request(20, 20), // below the P95
    request(21, 2),
    request(30, 3),
    request(900, 900, "cold"),
  ]),
  record("json", "baseline", 100, null),
  record("json", "faasmem", 110, null),
];

test("columns are aligned, numbers to the right", () => {
  expect(
    formatTable(
      ["name", "n"],
      [
        ["a", "1"],
        ["long one", "100"],
      ],
    ),
  ).toBe("name        n\n--------  ---\na           1\nlong one  100");
});

test("means over functions: of memory changes, and the geometric one of P95 ratios", () => {
  const more = [record("bert", "baseline", 100, 100), record("bert", "faasmem", 80, 120)];
  const lines = experimentTable([...records, ...more]).split("\n");
  expect(lines.filter((line) => line.startsWith("mean"))).toHaveLength(1);
  // -75, +10 and -20 %; 1.05 and 1.2
  expect(lines.at(-1)).toMatch(/^mean +faasmem +-28\.3 % +\+12\.2 % *$/);
});

test("the table compares each system with baseline", () => {
  expect(experimentTable(records)).toBe(
    [
      "function  system    requests  P50 ms  P95 ms  local MiB  remote MiB  cold  semi-warm   memory     P95  waited",
      "--------  --------  --------  ------  ------  ---------  ----------  ----  ---------  -------  ------  ------",
      "web       baseline        12     9.9    20.0      200.0         0.0     1          1        -       -  0 of 0",
      "web       faasmem         12     9.9    21.0       50.0         0.0     1          1  -75.0 %  +5.0 %  1 of 2",
      "json      baseline        12     9.9       -      100.0         0.0     1          1        -       -       -",
      "json      faasmem         12     9.9       -      110.0         0.0     1          1  +10.0 %       -       -",
      "mean      faasmem                                                                     -32.5 %  +5.0 %",
    ].join("\n"),
  );
});
