import type { ExperimentPlan } from "../src/experiment/plan.ts";
import { QUICK_TRACE, QUICK_WINDOW_S } from "../src/trace/quick-trace.ts";

/** The quick experiment: does it work on this machine, and what does it save? About two and a half minutes. */
export const quick: ExperimentPlan = {
  name: "quick",
  mode: "replay",
  functions: ["web", "json", "graph"],
  systems: ["baseline", "faasmem"],
  plane: "uffd" as const,
  trace: QUICK_TRACE,
  windows: [{ label: "quick", traceFunction: 0, startIndex: 0, windowS: QUICK_WINDOW_S }],
  timeScale: 30,
  seed: 1,
  repeats: 1,
  semiWarmDelay: "learned",
  // The trace has a few bursts only: the artifact's window of 32 requests for web would never close.
  initWindow: 4,
};
