import type { ExperimentDefinition } from "../src/experiment/definition.ts";

/** "Ablation" (reference, section 5): bert for eight hours, without Puckets and without semi-warm. */
export const ablation: ExperimentDefinition = {
  name: "ablation",
  summary: "what Puckets, semi-warm and recall contribute: bert, eight hours, common and bursty arrivals",
  mode: "simulate",
  functions: ["bert"],
  systems: ["baseline", "faasmem", "faasmem-no-pucket", "faasmem-no-semiwarm", "faasmem-no-recall"],
  windows: [
    { label: "common", rank: 3, start: 52391 },
    { label: "bursty", rank: 0, start: 8967, uneven: true },
  ],
  windowS: 8 * 3600,
  lite: { windows: [{ label: "common", rank: 3, start: 52391 }] },
};
