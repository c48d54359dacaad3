import { FaasmemError } from "../../base/errors.ts";
import type { Run } from "../../results/schema.ts";
import type { Store } from "../../results/store.ts";
import type { FigureEntry } from "../figures/entry.ts";
import { loadSource, type Source, type Wanted } from "./dataset.ts";

/** Can this run be drawn so? */
const isDrawable = (entry: FigureEntry, run: Run, store: Store): boolean =>
  (!entry.experiments || entry.experiments.includes(run.experiment)) && entry.suits(store.outlineRun(run.id));

/** Own runs before imported ones, complete ones before others, then the newest. */
function preference(run: Run): number {
  const imported = (run.config as { mode?: unknown } | null)?.mode === "imported";
  return (imported ? 2 : 0) + (run.status === "done" ? 0 : 1);
}

const holds = (run: Run, store: Store, wanted: Wanted): boolean =>
  store
    .outlineRun(run.id)
    .cells.some(
      (cell) =>
        (wanted.function?.includes(cell.function) ?? true) && (wanted.window?.includes(cell.window) ?? true),
    );

/**
 * The run that a figure is drawn from unless one is named, if there is one with a cell of what is wanted; null when none has
 * what the figure needs.
 */
export function newestRun(entry: FigureEntry, store: Store, wanted: Wanted = {}): Run | null {
  const drawable = store
    .listRuns()
    .filter((run) => run.status !== "running")
    .toSorted((a, b) => preference(a) - preference(b) || b.id - a.id)
    .filter((run) => isDrawable(entry, run, store));
  return drawable.find((run) => holds(run, store, wanted)) ?? drawable[0] ?? null;
}

/**
 * The runs to draw.
 *
 * @param runs numbers of runs; none: the newest one that has what the figure needs, and of that what is wanted
 * @throws FaasmemError NO_RESULTS, NOT_IN_RUN, UNKNOWN_RUN
 */
export function chooseSources(
  entry: FigureEntry,
  runs: readonly number[],
  store: Store,
  wanted: Wanted = {},
): Source[] {
  if (runs.length === 0) {
    const run = newestRun(entry, store, wanted);
    if (run) return [loadSource(store, run.id)];
    throw new FaasmemError("NO_RESULTS", `there is no finished run with what "${entry.name}" shows`, {
      fix: `make one: ${entry.command}`,
    });
  }
  return runs.map((id) => {
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
