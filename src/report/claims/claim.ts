import type { Dataset } from "../data/dataset.ts";
import { type Estimate, estimate } from "../data/estimate.ts";
import type { FigureEntry } from "../figures/entry.ts";

export type Verdict = "reproduced" | "partly" | "not reproduced" | "not measured";

/** Something that the paper says, and the rule by which it is judged here. */
export interface Claim {
  id: string;
  title: string;
  /** What the paper reports. */
  paper: string;
  /** When it is reproduced and when partly; everything else is not. */
  rule: string;
  /** Where its numbers come from: the first of these that has them. */
  entries: readonly [FigureEntry, ...FigureEntry[]];
  /** null: the run has no numbers for it. */
  judge: (dataset: Dataset) => Finding | null;
}

/** What was measured here. */
export interface Finding {
  verdict: Exclude<Verdict, "not measured">;
  /** Sentences with the numbers. */
  measured: string[];
}

/** The verdict of values that shall all pass. @param most share of them that is enough for "partly" */
export function verdictOf(passed: number, of: number, most: number): Finding["verdict"] {
  if (passed === of) return "reproduced";
  return passed >= most * of ? "partly" : "not reproduced";
}

/** "63.2 %", with its interval where there are repeats. */
export function percentText({ mean, half, n }: Estimate, digits = 1): string {
  const text = (value: number) => (value * 100).toFixed(digits);
  return half === null ? `${text(mean)} %` : `${text(mean)} ± ${text(half)} % (95 %, ${n} repeats)`;
}

/** The mean over cells in each repeat, as an estimate over repeats. */
export function overRepeats(values: readonly { repeat: number; value: number }[]): Estimate {
  const byRepeat = Map.groupBy(values, ({ repeat }) => repeat);
  const means = [...byRepeat.values()].map(
    (own) => own.reduce((sum, { value }) => sum + value, 0) / own.length,
  );
  return estimate(means)!;
}

export const range = (values: readonly number[], digits = 1): string =>
  `${(Math.min(...values) * 100).toFixed(digits)} % to ${(Math.max(...values) * 100).toFixed(digits)} %`;
