import type { ExperimentPlan } from "../src/experiment/plan.ts";
import { quick } from "./quick.ts";

/** Is the simulator right? The same cells replayed and simulated; windows are those of the quick experiment. */
export const validate: ExperimentPlan = {
  ...quick,
  name: "validate",
  functions: ["web", "json", "graph", "float", "image"],
};
