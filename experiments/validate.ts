import type { ExperimentPlan } from "../src/experiment/plan.ts";
import { LOADS_TRACE, loads } from "../src/trace/loads-trace.ts";

/**
 * Is the simulator right? The same cells replayed and simulated: an arrival every one to three minutes, two and a half hours of it. Fewer
 * requests make a P95 of the slowest one; more of them at this speed make the sandboxes' number decide, and not the model.
 */
export const validate: ExperimentPlan = {
  name: "validate",
  mode: "replay",
  functions: ["web", "json", "graph", "float"],
  systems: ["baseline", "faasmem"],
  plane: "uffd",
  trace: LOADS_TRACE,
  windows: [{ label: "steady", traceFunction: loads.indexOf("steady"), startIndex: 0, windowS: 9000 }],
  timeScale: 60,
  seed: 1,
  repeats: 1,
  semiWarmDelay: "learned",
};
