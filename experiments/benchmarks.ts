import { benchmarks as functions } from "../benchmarks/index.ts";
import type { ExperimentDefinition } from "../src/experiment/definition.ts";

/** "Diverse benchmarks" (reference, section 5): every function under high and under low load. */
export const benchmarks: ExperimentDefinition = {
  name: "benchmarks",
  summary: "eleven functions under high and low load: memory and P95 against baseline",
  mode: "simulate",
  functions: Object.keys(functions),
  systems: ["baseline", "tmo", "faasmem"],
  windows: [
    { label: "high", rank: 2, start: 502 },
    { label: "low", rank: 60, start: 0 },
  ],
  windowS: 3600,
  lite: { functions: ["bert", "graph", "web"] },
};
