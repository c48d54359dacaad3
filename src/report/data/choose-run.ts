import { FaasmemError } from "../../base/errors.ts";
import type { Run } from "../../results/schema.ts";
import type { Store } from "../../results/store.ts";
import type { FigureEntry } from "../figures/entry.ts";
import { loadSource, type Source } from "./dataset.ts";

/** Can this run be drawn so? */
const isDrawable = (entry: FigureEntry, run: Run, store: Store): boolean =>
  (!entry.experiments || entry.experiments.includes(run.experiment)) && entry.suits(store.outlineRun(run.id));

/** Own runs before imported ones, complete ones before others, then the newest. */
function preference(run: Run): number {
  const imported = (run.config as { mode?: unknown } | null)?.mode === "imported";
  return (imported ? 2 : 0) + (run.status === "done" ? 0 : 1);
}

/** The run that a figure is drawn from unless one is named; null when none has what it needs. */
export const newestRun = (entry: FigureEntry, store: Store): Run | null =>
  store
    .listRuns()
    .filter((run) => run.status !== "running")
    .toSorted((a, b) => preference(a) - preference(b) || b.id - a.id)
    .find((run) => isDrawable(entry, run, store)) ?? null;

/**
 * The runs to draw.
 *
 * @param wanted numbers of runs; none: the newest one that has what the figure needs
 * @throws FaasmemError NO_RESULTS, NOT_IN_RUN, UNKNOWN_RUN
 */
export function chooseSources(entry: FigureEntry, wanted: readonly number[], store: Store): Source[] {
  if (wanted.length === 0) {
    const run = newestRun(entry, store);
    if (run) return [loadSource(store, run.id)];
    throw new FaasmemError("NO_RESULTS", `there is no finished run with what "${entry.name}" shows`, {
      fix: `make one: ${entry.command}`,
    });
  }
  return wanted.map((id) => {
    const { run } = store.outlineRun(id);
    if (isDrawable(entry, run, store)) return loadSource(store, id);
    throw new FaasmemError(
      "NOT_IN_RUN",
      `run ${id} (${run.experiment}) has nothing that "${entry.name}" shows`,
      {
        fix: `see: faasmem plot --list; make one: ${entry.command}`,
        kind: "usage",
      },
    );
  });
}
