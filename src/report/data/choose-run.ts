import { FaasmemError } from "../../base/errors.ts";
import type { Run } from "../../results/schema.ts";
import type { Store } from "../../results/store.ts";
import type { FigureEntry } from "../figures/entry.ts";
import { loadSource, type Source } from "./dataset.ts";

/** Own runs before imported ones, complete ones before others, then the newest. */
function preference(run: Run): number {
  const imported = (run.config as { mode?: unknown } | null)?.mode === "imported";
  return (imported ? 2 : 0) + (run.status === "done" ? 0 : 1);
}

/** The run that a figure is drawn from unless one is named; null when none has what it needs. */
export function newestRun(entry: FigureEntry, store: Store): Source | null {
  const runs = store
    .listRuns()
    .filter(
      (run) => run.status !== "running" && (!entry.experiments || entry.experiments.includes(run.experiment)),
    )
    .toSorted((a, b) => preference(a) - preference(b) || b.id - a.id);
  for (const run of runs) {
    const source = loadSource(store, run.id);
    if (entry.suits(source)) return source;
  }
  return null;
}

/**
 * The runs to draw.
 *
 * @param wanted numbers of runs; none: the newest one that has what the figure needs
 * @throws FaasmemError NO_RESULTS, NOT_IN_RUN, UNKNOWN_RUN
 */
export function chooseSources(entry: FigureEntry, wanted: readonly number[], store: Store): Source[] {
  if (wanted.length === 0) {
    const source = newestRun(entry, store);
    if (source) return [source];
    throw new FaasmemError("NO_RESULTS", `there is no finished run with what "${entry.name}" shows`, {
      fix: `make one: ${entry.command}`,
    });
  }
  return wanted.map((id) => {
    const source = loadSource(store, id);
    if (entry.suits(source)) return source;
    throw new FaasmemError(
      "NOT_IN_RUN",
      `run ${id} (${source.run.experiment}) has nothing that "${entry.name}" shows`,
      { fix: `see: faasmem plot --list; make one: ${entry.command}`, kind: "usage" },
    );
  });
}
