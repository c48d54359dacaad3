import type { ExperimentDefinition, Study } from "../src/experiment/definition.ts";
import type { ExperimentPlan } from "../src/experiment/plan.ts";
import { ablation } from "./ablation.ts";
import { benchmarks } from "./benchmarks.ts";
import { density } from "./density.ts";
import { loadsExperiment } from "./loads.ts";
import { overhead } from "./overhead.ts";
import { quick } from "./quick.ts";
import { semiwarm } from "./semiwarm.ts";
import { validate } from "./validate.ts";
import { workloads } from "./workloads.ts";

/** The reference's six experiments by name. */
export const experiments: Readonly<Record<string, ExperimentDefinition>> = {
  benchmarks,
  workloads,
  ablation,
  semiwarm,
  overhead,
  density,
};

/** Our own, whose plans are whole: one window, whatever the trace. */
export const ownExperiments: Readonly<Record<string, ExperimentPlan>> = {
  quick,
  loads: loadsExperiment,
  validate,
};

/** What an experiment finds out beside its cells. */
export const studyOf = (name: string): Study | undefined =>
  name === validate.name ? "validation" : experiments[name]?.study;
