import { benchmarks } from "../benchmarks/index.ts";
import type { ExperimentDefinition } from "../src/experiment/definition.ts";

/** "Overhead of Puckets" (reference, section 5): what time barriers and rollbacks cost, ten sandboxes of each function. */
export const overhead: ExperimentDefinition = {
  name: "overhead",
  summary: "what time barriers and rollbacks cost: ten real sandboxes of each function",
  mode: "replay",
  functions: Object.keys(benchmarks),
  systems: ["faasmem"],
  windows: [],
  windowS: 3600,
  lite: { functions: ["bert", "graph", "web"] },
  study: "barriers",
};
