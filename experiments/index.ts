import type { ExperimentDefinition } from "../src/experiment/definition.ts";
import { ablation } from "./ablation.ts";
import { benchmarks } from "./benchmarks.ts";
import { density } from "./density.ts";
import { overhead } from "./overhead.ts";
import { semiwarm } from "./semiwarm.ts";
import { workloads } from "./workloads.ts";

/** The reference's six experiments by name; `quick` is our own and stands apart (quick.ts). */
export const experiments: Readonly<Record<string, ExperimentDefinition>> = {
  benchmarks,
  workloads,
  ablation,
  semiwarm,
  overhead,
  density,
};
