import type { Cell } from "../results/schema.ts";
import { cellLabel, type ExperimentPlan } from "./plan.ts";

/** Arrivals later than this do not follow the trace any more. */
const LATE_MS = 50;

/** Failed requests, and answers that differ between systems. */
export function problemsOf(
  cells: readonly Cell[],
  plan: Pick<ExperimentPlan, "windows" | "repeats">,
): string[] {
  const problems: string[] = [];
  const answers = new Map<string, Cell>();
  for (const cell of cells) {
    const label = cellLabel(cell, plan);
    if (cell.errors > 0) problems.push(`${label}: ${cell.errors} of ${cell.requests} requests failed`);
    const same = JSON.stringify([cell.function, cell.window, cell.repeat]);
    const first = answers.get(same) ?? cell;
    answers.set(same, first);
    if (cell.errors === 0 && first.errors === 0 && cell.resultHash !== first.resultHash) {
      problems.push(`${label}: answers differ from those under ${first.system}`);
    }
  }
  return problems;
}

/** Cells whose arrivals drifted: their latencies are those of a busy machine. */
export const warningsOf = (
  cells: readonly Cell[],
  plan: Pick<ExperimentPlan, "windows" | "repeats">,
): string[] =>
  cells
    .filter((cell) => cell.latenessP99Ms > LATE_MS)
    .map(
      (cell) =>
        `${cellLabel(cell, plan)}: arrivals drifted (P99 ${cell.latenessP99Ms.toFixed(0)} ms late): the machine was too busy`,
    );
