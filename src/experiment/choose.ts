import { FaasmemError } from "../base/errors.ts";
import type { Plane, Tracker } from "../memory/engine.ts";
import type { Store } from "../results/store.ts";
import { SYNTHESIS_2019 } from "../trace/synthesis.ts";
import { SYNTHETIC_TRACE } from "../trace/synthetic-trace.ts";
import type { Trace } from "../trace/trace.ts";
import { FUNCTIONS_2021, INVOCATIONS_2021 } from "../trace/trace-2021.ts";
import type { ExperimentDefinition } from "./definition.ts";
import type { ExperimentPlan, Mode, TraceWindow } from "./plan.ts";
import { traceOf } from "./run.ts";
import { chooseWindows } from "./windows.ts";

/** What a user may decide otherwise; undefined: as the experiment has it. */
export interface Choices {
  lite: boolean;
  mode: Mode | undefined;
  functions: string[] | undefined;
  systems: string[] | undefined;
  plane: Plane | undefined;
  tracker: Tracker | undefined;
  trace: string | undefined;
  /** Only windows with these labels. */
  windows: string[] | undefined;
  /** Length of each window in trace seconds. */
  windowS: number | undefined;
  /** One window of one's own instead of the experiment's. */
  traceFunction: number | undefined;
  startIndex: number | undefined;
  timeScale: number | undefined;
  seed: number | undefined;
  repeats: number | undefined;
  initWindow: number | undefined;
  heatmap: boolean;
}

/** The trace that the reference uses, where it was imported. */
function defaultTrace(store: Store): string | undefined {
  const imported = store
    .listTraces()
    .find(({ functions, invocations }) => functions === FUNCTIONS_2021 && invocations === INVOCATIONS_2021);
  return imported?.name;
}

/**
 * Makes the plan of one of the six experiments.
 * @throws FaasmemError UNKNOWN_TRACE, UNKNOWN_WINDOW
 */
export function planOf(definition: ExperimentDefinition, choices: Choices, store: Store): ExperimentPlan {
  const otherwise = definition.study === "semiwarm" ? SYNTHESIS_2019 : SYNTHETIC_TRACE;
  const trace = choices.trace ?? defaultTrace(store) ?? otherwise;
  const lite = choices.lite ? definition.lite : {};
  const { windows, note } = windowsOf(definition, choices, lite, () => traceOf(trace, store));
  return {
    name: definition.name,
    mode: choices.mode ?? definition.mode,
    studyMode: choices.mode ?? definition.studyMode,
    functions: choices.functions ?? [...(lite.functions ?? definition.functions)],
    systems: choices.systems ?? [...definition.systems],
    plane: choices.plane ?? "uffd",
    tracker: choices.tracker,
    trace,
    windows,
    windowNote: note,
    timeScale: choices.timeScale ?? 1,
    seed: choices.seed ?? 1,
    repeats: choices.repeats ?? 1,
    semiWarmDelay: "window",
    initWindow: choices.initWindow,
    heatmap: choices.heatmap,
  };
}

function windowsOf(
  definition: ExperimentDefinition,
  choices: Choices,
  lite: ExperimentDefinition["lite"],
  load: () => Trace,
): { windows: TraceWindow[]; note: string | undefined } {
  const windowS = choices.windowS ?? definition.windowS;
  if (choices.traceFunction !== undefined || choices.startIndex !== undefined) {
    const [traceFunction, startIndex] = [choices.traceFunction ?? 0, choices.startIndex ?? 0];
    const label = `${traceFunction}@${startIndex}`;
    return { windows: [{ label, traceFunction, startIndex, windowS }], note: undefined };
  }
  const all = lite.windows ?? definition.windows;
  const wanted = choices.windows ? all.filter(({ label }) => choices.windows!.includes(label)) : all;
  const unknown = choices.windows?.find((label) => !all.some((window) => window.label === label));
  if (unknown !== undefined) {
    throw new FaasmemError("UNKNOWN_WINDOW", `${definition.name} has no window "${unknown}"`, {
      fix: `choose of: ${all.map(({ label }) => label).join(", ") || "none"}`,
      kind: "usage",
    });
  }
  if (wanted.length === 0) return { windows: [], note: undefined };
  return chooseWindows(load(), wanted, windowS);
}
