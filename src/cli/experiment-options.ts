import type { Command } from "commander";
import { z } from "zod";
import { experiments, ownExperiments, studyOf } from "../../experiments/index.ts";
import { FaasmemError } from "../base/errors.ts";
import { count, parseOption, positive } from "../base/units.ts";
import { type Choices, planOf } from "../experiment/choose.ts";
import type { Study } from "../experiment/definition.ts";
import { type ExperimentPlan, modes } from "../experiment/plan.ts";
import { resolvePolicy } from "../memory/systems.ts";
import { parseFunctions, parseSystems, planeName, trackerName } from "../node/options.ts";
import type { Store } from "../results/store.ts";

export interface RunOptions {
  lite?: boolean;
  mode?: string;
  function?: string;
  system?: string;
  plane?: string;
  tracker?: string;
  policy?: string;
  trace?: string;
  traceFunction?: string;
  startIndex?: string;
  windowLabel?: string;
  window?: string;
  timeScale?: string;
  seed?: string;
  repeat?: string;
  initWindow?: string;
  heatmap?: boolean;
  out: string;
  json?: boolean;
  quiet?: boolean;
}

export function addRunOptions(command: Command): Command {
  return command
    .option("--lite", "the small version: fewer functions or windows")
    .option("--mode <mode>", "replay: really run; simulate: calculate from profiles of this machine")
    .option("--function <names>", "functions, separated by commas")
    .option("--system <names>", "systems, separated by commas")
    .option("--plane <name>", "where pages go: uffd or swap (see: faasmem driver)")
    .option("--tracker <name>", "hotness tracker of a replay: ebpf, idle, mglru, refault (default: the best)")
    .option("--policy <file>", "your own policy as one more system: a TypeScript file")
    .option("--trace <name>", "trace to replay (see: faasmem trace list)")
    .option("--window-label <labels>", "only these of the experiment's windows, separated by commas")
    .option(
      "--trace-function <rank>",
      "a window of your own: whose arrivals, 0 = the trace's busiest function",
    )
    .option("--start-index <n>", "a window of your own: its first arrival")
    .option("--window <seconds>", "length of the windows in trace seconds")
    .option("--time-scale <n>", "trace seconds that pass in one real second (replay)")
    .option("--seed <n>", "seed of the requests' inputs")
    .option("--repeat <n>", "run everything so many times, each with another seed")
    .option("--init-window <n>", "requests of the Init Pucket's window, for all functions")
    .option("--heatmap", "draw which pages of a sandbox are local over time, too")
    .option("--out <dir>", "folder of the figures", ".")
    .option("--json", "print JSON instead of the table")
    .option("--quiet", "no progress");
}

const index = z.coerce.number().int().min(0).max(100_000_000);
const names = (list: string): string[] => list.split(",").map((name) => name.trim());

/**
 * The plan of an experiment with what the user wants otherwise.
 * @throws FaasmemError UNKNOWN_EXPERIMENT, UNKNOWN_FUNCTION, UNKNOWN_SYSTEM, BAD_POLICY, BAD_OPTION, UNKNOWN_TRACE, UNKNOWN_WINDOW
 */
export async function chosenPlan(
  name: string,
  options: RunOptions,
  store: Store,
): Promise<{ plan: ExperimentPlan; study: Study | undefined }> {
  const definition = Object.hasOwn(experiments, name) ? experiments[name] : undefined;
  const own = Object.hasOwn(ownExperiments, name) ? ownExperiments[name] : undefined;
  if (!definition && !own) {
    throw new FaasmemError("UNKNOWN_EXPERIMENT", `no experiment "${name}"`, {
      fix: `choose one of: ${[...Object.keys(ownExperiments), ...Object.keys(experiments)].join(", ")}`,
      kind: "usage",
    });
  }
  const choices = choicesOf(options);
  const plan = definition ? planOf(definition, choices, store) : ownPlan(own!, choices);
  if (options.policy !== undefined) {
    await resolvePolicy(options.policy); // a file that is none is said before anything starts
    plan.systems.push(options.policy);
  }
  plan.systems = [...new Set(plan.systems)];
  if (plan.mode === "simulate" && plan.tracker !== undefined)
    throw new FaasmemError("BAD_OPTION", `--tracker ${plan.tracker}: a simulation knows what was touched`, {
      fix: "add --mode replay, or leave the tracker out",
      kind: "usage",
    });
  const study = studyOf(name);
  if (study === "validation" && plan.mode === "simulate")
    throw new FaasmemError(
      "BAD_OPTION",
      `--mode simulate: ${name} replays cells and simulates the same ones`,
      {
        fix: "leave --mode out",
        kind: "usage",
      },
    );
  return { plan, study };
}

function choicesOf(options: RunOptions): Choices {
  const given = <T>(flag: string, schema: z.ZodType<T>, value: unknown): T | undefined =>
    value === undefined ? undefined : parseOption(flag, schema, value);
  return {
    lite: options.lite === true,
    mode: given("--mode", z.enum(modes), options.mode),
    functions: options.function === undefined ? undefined : parseFunctions(options.function),
    systems: options.system === undefined ? undefined : parseSystems(options.system),
    plane: given("--plane", planeName, options.plane),
    tracker: given("--tracker", trackerName.exclude(["auto"]), options.tracker),
    trace: options.trace,
    windows: options.windowLabel === undefined ? undefined : names(options.windowLabel),
    windowS: given("--window", positive, options.window),
    traceFunction: given("--trace-function", index, options.traceFunction),
    startIndex: given("--start-index", index, options.startIndex),
    timeScale: given("--time-scale", positive, options.timeScale),
    seed: given("--seed", index, options.seed),
    repeats: given("--repeat", count, options.repeat),
    initWindow: given("--init-window", count, options.initWindow),
    heatmap: options.heatmap === true,
  };
}

function ownPlan(own: ExperimentPlan, choices: Choices): ExperimentPlan {
  const { traceFunction, startIndex, windowS, timeScale } = choices;
  const wanted = own.windows.filter(({ label }) => choices.windows?.includes(label) ?? true);
  return {
    ...own,
    functions: choices.functions ?? own.functions,
    systems: choices.systems ?? [...own.systems],
    plane: choices.plane ?? own.plane,
    tracker: choices.tracker ?? own.tracker,
    mode: choices.mode ?? own.mode,
    trace: choices.trace ?? own.trace,
    windows: wanted.map((window) => ({
      label: window.label,
      traceFunction: traceFunction ?? window.traceFunction,
      startIndex: startIndex ?? window.startIndex,
      windowS: windowS ?? window.windowS,
      timeScale: timeScale ?? window.timeScale,
    })),
    timeScale: choices.timeScale ?? own.timeScale,
    seed: choices.seed ?? own.seed,
    repeats: choices.repeats ?? own.repeats,
    initWindow: choices.initWindow ?? own.initWindow,
    heatmap: choices.heatmap,
  };
}
