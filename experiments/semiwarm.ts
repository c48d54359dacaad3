import type { ExperimentDefinition } from "../src/experiment/definition.ts";

/** "Applicability of semi-warm" (reference, section 5): how much of containers' lives would be semi-warm. No sandbox runs. */
export const semiwarm: ExperimentDefinition = {
  name: "semiwarm",
  summary: "how much of containers' lives would be semi-warm, by load class: analysis of a whole trace",
  mode: "simulate",
  functions: [],
  systems: [],
  windows: [],
  windowS: 3600,
  lite: {},
  study: "semiwarm",
};
