import { datasetOf, type Source } from "../data/dataset.ts";
import { modeText } from "../data/provenance.ts";
import type { FigureEntry } from "../figures/entry.ts";
import type { Claim, Verdict } from "./claim.ts";
import { comparisonClaims } from "./comparisons.ts";
import { headlineClaims } from "./headline.ts";
import { redoCommand } from "./redo.ts";

export const claims: readonly Claim[] = [...headlineClaims, ...comparisonClaims];

/** A claim beside what was measured. */
export interface Judged extends Pick<Claim, "id" | "title" | "paper" | "rule"> {
  verdict: Verdict;
  measured: string[];
  /** The run, and how its numbers came about; null where there are none. */
  run: { id: number; experiment: string; mode: string; windowNote: string | null; status: string } | null;
  /** Makes the numbers (again). */
  command: string;
}

/** @param sourceOf the run that an entry is drawn from, or null */
export function judgeAll(sourceOf: (entry: FigureEntry) => Source | null): Judged[] {
  return claims.map(({ entries, judge, ...about }) => {
    for (const entry of entries) {
      const source = sourceOf(entry);
      const finding = source ? judge(datasetOf([source])) : null;
      if (!source || !finding) continue;
      const { id, experiment, status } = source.run;
      const run = {
        id,
        experiment,
        status,
        mode: modeText(source),
        windowNote: source.plan.windowNote ?? null,
      };
      return { ...about, ...finding, run, command: redoCommand(source) };
    }
    return { ...about, verdict: "not measured", measured: [], run: null, command: entries[0].command };
  });
}
