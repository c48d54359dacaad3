import type { Plane, Tracker } from "../memory/engine.ts";
import type { PolicySettings } from "../memory/settings.ts";

/** How a cell's numbers come about: really run (arrivals scaled in time or not), or calculated from profiles. */
export const modes = ["replay", "simulate"] as const;
export type Mode = (typeof modes)[number];

/** A stretch of one function's arrivals in a trace. */
export interface TraceWindow {
  /** As figures and tables show it; unique in a plan. */
  label: string;
  /** Rank of the trace's function, 0 = busiest. */
  traceFunction: number;
  /** First arrival. */
  startIndex: number;
  /** Length in trace seconds. */
  windowS: number;
  /** Of this window, instead of the plan's. */
  timeScale?: number | undefined;
}

/** What to run: functions x systems x windows, `repeats` times. Stored with the run, so that it can be taken up again. */
export interface ExperimentPlan {
  name: string;
  mode: Mode;
  /** Of what the experiment finds out beside its cells; absent: as of the cells, and in plans of older versions. */
  studyMode?: Mode | undefined;
  functions: string[];
  systems: string[];
  plane: Plane;
  /** Hotness tracker of a replay; undefined: the best that this machine has. */
  tracker?: Tracker | undefined;
  trace: string;
  windows: TraceWindow[];
  /** How the windows were chosen, where that needs to be said with every output. */
  windowNote?: string | undefined;
  timeScale: number;
  seed: number;
  repeats: number;
  /** Requests of the Init Pucket's window for all functions; undefined: each function's own. */
  initWindow?: number | undefined;
  /**
   * When semi-warm begins: `learned` while it runs, or, as the reference does it, `window`: the P99 of the reuse intervals
   * of the window's arrivals, known before.
   */
  semiWarmDelay: "learned" | "window";
  /** Record which pages of a sandbox are local over time. */
  heatmap?: boolean;
}

/** One function under one system over one window, once. */
export interface CellPlan {
  function: string;
  system: string;
  plane: Plane;
  tracker?: Tracker | undefined;
  window: TraceWindow;
  repeat: number;
  /** Trace seconds after the window's start. */
  arrivals: readonly number[];
  timeScale: number;
  seed: number;
  /** Requests of the Init Pucket's window; undefined: the function's own. */
  initWindow?: number | undefined;
  /** Trace seconds; null: learned. */
  semiWarmDelayS: PolicySettings["semiWarmDelayS"];
  heatmap?: boolean | undefined;
  signal: AbortSignal;
  onAnswer?: () => void;
}

/** Trace seconds in a real second; of the slowest and of the fastest window, which may have scales of their own. */
export function timeScales(plan: { timeScale: number; windows: readonly Pick<TraceWindow, "timeScale">[] }): {
  slowest: number;
  fastest: number;
} {
  const scales = plan.windows.map((window) => window.timeScale ?? plan.timeScale);
  if (scales.length === 0) scales.push(plan.timeScale);
  return { slowest: Math.min(...scales), fastest: Math.max(...scales) };
}

/** "20x", or "1x to 60x". */
export function timeScaleText(plan: Parameters<typeof timeScales>[0]): string {
  const { slowest, fastest } = timeScales(plan);
  return slowest === fastest ? `${slowest}x` : `${slowest}x to ${fastest}x`;
}

/** "web under faasmem", with the window and repeat where there are several. */
export function cellLabel(
  cell: { function: string; system: string; window: string; repeat: number },
  plan: Pick<ExperimentPlan, "windows" | "repeats">,
): string {
  const window = plan.windows.length > 1 ? `, ${cell.window}` : "";
  const repeat = plan.repeats > 1 ? `, repeat ${cell.repeat + 1}` : "";
  return `${cell.function} under ${cell.system}${window}${repeat}`;
}
