import { type Comparison, SHOWN, type ShapeFit } from "../trace/fit.ts";
import { formatTable } from "./table.ts";

/** Quantiles of the trace and of generated functions side by side, and their distance. */
export function fitTable(fits: readonly ShapeFit[]): string {
  const header = ["shape", "what", "of", ...SHOWN.map((q) => `P${q * 100}`), "distance"];
  const rows = fits.flatMap(({ shape, functions, gapMinutes, counts }) => {
    const pair = (what: string, found: Comparison | null) => {
      if (!found) return [[shape, what, `${functions} functions: nothing to compare`]];
      const values = (list: number[]) => list.map((value) => String(value));
      return [
        [shape, what, `${functions} functions`, ...values(found.trace), found.distance.toFixed(3)],
        ["", "", "generated", ...values(found.generated), ""],
      ];
    };
    return [...pair("minutes between active ones", gapMinutes), ...pair("invocations in one", counts)];
  });
  return formatTable(header, rows);
}
