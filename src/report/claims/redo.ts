import { experiments } from "../../../experiments/index.ts";
import { quick } from "../../../experiments/quick.ts";
import { timeScales } from "../../experiment/plan.ts";
import type { Source } from "../data/dataset.ts";

const same = (a: readonly string[], b: readonly string[] | undefined) => a.join() === b?.join();

/** A word as a shell takes it. */
const quoted = (word: string) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** The command that runs an experiment as this run was; what is as by default is left out. */
export function redoCommand({ run, plan }: Source): string {
  const definition = run.experiment === quick.name ? quick : experiments[run.experiment];
  if (plan.mode === "imported") return `faasmem results import ${quoted(plan.importedFrom ?? "DIR")}`;
  const option = (
    flag: string,
    values: readonly string[] | undefined,
    usual: readonly string[] | undefined,
  ) => (values && values.length > 0 && !same(values, usual) ? [flag, quoted(values.join(","))] : []);
  const builtIn = plan.systems?.filter((system) => !system.includes("/"));
  const policies = plan.systems?.filter((system) => system.includes("/")) ?? [];
  const { slowest, fastest } = timeScales({ timeScale: run.timeScale, windows: plan.windows });
  return [
    ...["faasmem", "experiment", "run", quoted(run.experiment)],
    ...(definition?.mode === plan.mode || run.experiment === "semiwarm" ? [] : ["--mode", quoted(plan.mode)]),
    ...option("--function", plan.functions, definition?.functions),
    ...option("--system", builtIn, definition?.systems),
    ...policies.slice(0, 1).flatMap((policy) => ["--policy", quoted(policy)]),
    ...option(
      "--window-label",
      plan.windows.map(({ label }) => label),
      definition?.windows.map(({ label }) => label),
    ),
    ...["--trace", quoted(run.trace)],
    ...(plan.mode === "replay" && plan.windows.length > 0 && slowest === fastest
      ? ["--time-scale", String(slowest)]
      : []), // else each window's own
    ...["--seed", String(run.seed)],
    ...((plan.repeats ?? 1) > 1 ? ["--repeat", String(plan.repeats)] : []),
  ].join(" ");
}
