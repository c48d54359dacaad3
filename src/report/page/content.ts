import { buildInfo } from "../../base/version.ts";
import type { Store } from "../../results/store.ts";
import { type Judged, judgeAll } from "../claims/judge.ts";
import { redoCommand } from "../claims/redo.ts";
import { newestRun } from "../data/choose-run.ts";
import { datasetOf, loadSource, type Source } from "../data/dataset.ts";
import { machineText, modeText } from "../data/provenance.ts";
import type { Table } from "../data/table.ts";
import type { Figure } from "../draw/figure.ts";
import type { FigureEntry } from "../figures/entry.ts";
import { figureEntries } from "../figures/registry.ts";

/** Everything that a report says, before it is written. */
export interface ReportContent {
  version: string;
  writtenAt: Date;
  claims: Judged[];
  sections: Section[];
  runs: RunLine[];
}

/** What an experiment found. */
export interface Section {
  name: string;
  summary: string;
  run: number;
  figures: Figure[];
  tables: Table[];
}

export interface RunLine {
  id: number;
  experiment: string;
  status: string;
  startedAt: Date;
  mode: string;
  windowNote: string | null;
  machine: string;
  version: string;
  command: string;
}

/** In other figures already, or as long as all others together. */
const LEFT_OUT = new Set(["memory"]);

/**
 * Gathers claims, figures and tables of the newest runs.
 * @param wanted runs to be preferred over the newest
 */
export function reportContent(
  store: Store,
  options: { runs?: readonly number[]; writtenAt: Date },
): ReportContent {
  const loaded = new Map<number, Source>();
  const load = (id: number): Source => {
    const source = loaded.get(id) ?? loadSource(store, id);
    loaded.set(id, source);
    return source;
  };
  const preferred = (options.runs ?? []).map((id) => store.outlineRun(id));
  const sourceOf = (entry: FigureEntry): Source | null => {
    const own = preferred.find(
      (outline) =>
        (!entry.experiments || entry.experiments.includes(outline.run.experiment)) && entry.suits(outline),
    );
    const run = own?.run ?? newestRun(entry, store);
    return run ? load(run.id) : null;
  };
  const sections = figureEntries.flatMap((entry): Section[] => {
    const source = LEFT_OUT.has(entry.name) ? null : sourceOf(entry);
    if (!source) return [];
    const { name, summary } = entry;
    return [{ name, summary, run: source.run.id, ...entry.draw(datasetOf([source])) }];
  });
  return {
    version: buildInfo().version,
    writtenAt: options.writtenAt,
    claims: judgeAll(sourceOf),
    sections,
    runs: [...loaded.values()].sort((a, b) => a.run.id - b.run.id).map(runLine),
  };
}

const runLine = (source: Source): RunLine => ({
  id: source.run.id,
  experiment: source.run.experiment,
  status: source.run.status,
  startedAt: source.run.startedAt,
  mode: modeText(source),
  windowNote: source.plan.windowNote ?? null,
  machine: machineText(source.run),
  version: source.run.version,
  command: redoCommand(source),
});

/** "3 reproduced, 1 partly, 4 not measured". */
export function summaryOf(claims: readonly Judged[]): string {
  const verdicts = ["reproduced", "partly", "not reproduced", "not measured"] as const;
  return verdicts
    .map((verdict) => ({ verdict, count: claims.filter((one) => one.verdict === verdict).length }))
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `${count} ${verdict}`)
    .join(", ");
}

/** What verdicts and numbers mean, for the end of every report. */
export const READING: readonly string[] = [
  "A cell is one function under one system over one window of a trace. Memory is what sandboxes hold locally, averaged over the window.",
  "Intervals (±, whiskers) are 95 % confidence over repeats by Student's t; where nothing was repeated there is none.",
  "Replayed: real sandboxes, real memory; trace time may run faster than real time, functions never do. Simulated: the same policies, with costs and profiles that were measured on this machine; see the experiment validate for how far that is off. Imported: results of the original artifact.",
  "P95 leaves out cold starts, which are counted apart; results of the artifact cannot tell them apart.",
  "Each verdict follows the rule that stands with the claim, by the mean over repeats, whatever the mode.",
];
