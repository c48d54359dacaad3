import { expect, test } from "bun:test";
import type { Cell } from "../results/schema.ts";
import { outside, validate } from "./validate.ts";

const record = (cell: Partial<Cell>) => ({
  cell: { function: "web", system: "faasmem", window: "w", repeat: 0, ...cell } as Cell,
  requests: [],
  samples: [],
});

test("errors are percent of the replayed value, the median repeat counts, cells of one side only are left out", () => {
  const replayed = [
    record({ avgLocalBytes: 90, p95Ms: 19 }),
    record({ avgLocalBytes: 100, p95Ms: 70, repeat: 1 }),
    record({ avgLocalBytes: 140, p95Ms: 20, repeat: 2 }),
    record({ function: "json", avgLocalBytes: 100, p95Ms: 10 }),
    record({ function: "bert", avgLocalBytes: 100, p95Ms: null }),
  ];
  const simulated = [
    record({ avgLocalBytes: 94, p95Ms: 23 }),
    record({ avgLocalBytes: 96, p95Ms: 25 }),
    record({ function: "bert", avgLocalBytes: 105, p95Ms: 3 }),
    record({ function: "graph", avgLocalBytes: 1, p95Ms: 1 }),
  ];
  const validation = validate(replayed, simulated);
  expect(validation).toEqual([
    { function: "web", system: "faasmem", window: "w", memErrorPct: -5, p95ErrorPct: 20 },
    { function: "bert", system: "faasmem", window: "w", memErrorPct: 5, p95ErrorPct: null },
  ]);
  expect(outside(validation).map((one) => one.function)).toEqual(["web"]);
});
