import { benchmarks } from "../benchmarks/index.ts";
import type { ExperimentPlan } from "../src/experiment/plan.ts";
import { LOADS_TRACE, loads } from "../src/trace/loads-trace.ts";

/** How long each load is played in trace seconds, and how fast: long enough for semi-warm, or for a P95. */
const played = {
  high: { windowS: 300, timeScale: 1 },
  bursty: { windowS: 3600, timeScale: 20 },
  steady: { windowS: 3600, timeScale: 60 },
  rare: { windowS: 2 * 3600, timeScale: 60 },
};

/** What a memory policy must do well under: every function really run under four loads. Four hours. */
export const loadsExperiment: ExperimentPlan = {
  name: "loads",
  mode: "replay",
  functions: Object.keys(benchmarks),
  systems: ["baseline", "faasmem"],
  plane: "uffd",
  trace: LOADS_TRACE,
  windows: loads.map((label, traceFunction) => ({ label, traceFunction, startIndex: 0, ...played[label] })),
  timeScale: 1,
  seed: 1,
  repeats: 1,
  semiWarmDelay: "learned",
};
