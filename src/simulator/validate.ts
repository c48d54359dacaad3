import { median } from "../base/quantile.ts";
import type { Documents } from "../results/documents.ts";
import type { CellRecord } from "../results/store.ts";

/** What the simulator is allowed to be off by, in percent of what a replay gave. */
export const MOST_MEMORY_ERROR_PCT = 10;
export const MOST_P95_ERROR_PCT = 15;

/**
 * Simulated cells against the same cells really replayed: the error of the average local memory and of the P95, in percent
 * of the replayed value, below zero where the simulator gave less. On both sides the median over a cell's repeats counts: a minute in
 * which the machine does something else makes a P95 three times as long. Cells that only one side has are left out.
 */
export function validate(
  replayed: readonly CellRecord[],
  simulated: readonly CellRecord[],
): Documents["validation"] {
  const calculated = Map.groupBy(simulated, keyOf);
  return [...Map.groupBy(replayed, keyOf)].flatMap(([key, real]) => {
    const like = calculated.get(key);
    if (!like) return [];
    const { function: name, system, window } = real[0]!.cell;
    const memErrorPct = errorPct(usual(real, "avgLocalBytes"), usual(like, "avgLocalBytes"));
    return [
      {
        function: name,
        system,
        window,
        memErrorPct: memErrorPct ?? 0,
        p95ErrorPct: errorPct(usual(real, "p95Ms"), usual(like, "p95Ms")),
      },
    ];
  });
}

/** Cells of a validation that are off by more than allowed. */
export const outside = (validation: Documents["validation"]): Documents["validation"] =>
  validation.filter(
    ({ memErrorPct, p95ErrorPct }) =>
      Math.abs(memErrorPct) > MOST_MEMORY_ERROR_PCT || Math.abs(p95ErrorPct ?? 0) > MOST_P95_ERROR_PCT,
  );

const keyOf = ({ cell }: CellRecord): string => JSON.stringify([cell.function, cell.system, cell.window]);

/** null where no repeat has the value: no warm request at all. */
function usual(records: readonly CellRecord[], field: "avgLocalBytes" | "p95Ms"): number | null {
  const values = records.map(({ cell }) => cell[field]).filter((value) => value !== null);
  return values.length > 0 ? median(values) : null;
}

const errorPct = (real: number | null, calculated: number | null): number | null =>
  real === null || calculated === null || real === 0 ? null : ((calculated - real) / real) * 100;
