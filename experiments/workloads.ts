import { type ExperimentDefinition, referenceWindow } from "../src/experiment/definition.ts";

/** "Diverse workloads" (reference, section 5): three functions under six windows of busy functions. */
export const workloads: ExperimentDefinition = {
  name: "workloads",
  summary: "bert, graph and web under six windows of busy functions",
  mode: "simulate",
  functions: ["bert", "graph", "web"],
  systems: ["baseline", "tmo", "faasmem"],
  windows: ["0@25011", "3@27267", "4@0", "5@6168", "6@35316", "7@42167"].map(referenceWindow),
  windowS: 3600,
  lite: { functions: ["bert"] },
};
