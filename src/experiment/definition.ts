import type { Mode } from "./plan.ts";

/** A window of the Azure Functions Trace 2021 that the reference's experiments use. */
export interface ReferenceWindow {
  /** As figures and tables show it. */
  label: string;
  /** Rank of the function in that trace, and its first arrival (reference, sections 4 and 5). */
  rank: number;
  start: number;
  /** Where another trace stands in: take the stretch whose arrivals are the most uneven. */
  uneven?: boolean;
}

/** What an experiment finds out beside its cells (src/results/documents.ts). */
export type Study = "barriers" | "semiwarm" | "density" | "validation";

/** An experiment as experiments/NAME.ts describes it. Options of the command line make an ExperimentPlan of it. */
export interface ExperimentDefinition {
  name: string;
  /** One line for lists and help. */
  summary: string;
  /** How it runs unless told otherwise: most would take days in real time. */
  mode: Mode;
  functions: readonly string[];
  systems: readonly string[];
  windows: readonly ReferenceWindow[];
  /** Trace seconds of each window. */
  windowS: number;
  /** The small version of the reference. */
  lite: { functions?: readonly string[]; windows?: readonly ReferenceWindow[] };
  study?: Study;
  /** How that is found out unless told otherwise; default: as the cells. */
  studyMode?: Mode;
}

/** `rank@start`, as the reference names its windows. */
export const referenceWindow = (label: string): ReferenceWindow => {
  const [rank, start] = label.split("@").map(Number) as [number, number];
  return { label, rank, start };
};
