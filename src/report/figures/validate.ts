import type { Documents } from "../../results/documents.ts";
import { MOST_MEMORY_ERROR_PCT, MOST_P95_ERROR_PCT } from "../../simulator/validate.ts";
import { documentOf, unique } from "../data/dataset.ts";
import { notesOf } from "../data/provenance.ts";
import { type Bar, barPanel } from "../draw/bars.ts";
import { LIMIT, systemLook, systemName } from "../draw/style.ts";
import type { FigureEntry } from "./entry.ts";

type Row = Documents["validation"][number];

/** Simulated against replayed: errors of memory and P95 in percent of the replayed value. */
export const validateEntry: FigureEntry = {
  name: "validate",
  summary: "how far simulated memory and P95 are from replayed ones",
  experiments: ["validate"],
  command: "faasmem experiment run validate",
  suits: ({ documents }) => documents.includes("validation"),
  draw: (dataset) => {
    const rows = documentOf(dataset, "validation")!;
    const systems = unique(rows.map((row) => row.system));
    const windows = unique(rows.map((row) => row.window));
    const label = (row: Row) => (windows.length > 1 ? `${row.function} ${row.window}` : row.function);
    const groups = unique(rows.map(label));
    const bars = (of: (row: Row) => number | null): Bar[][] =>
      groups.map((group) =>
        systems.map((system) => {
          const row = rows.find((one) => label(one) === group && one.system === system);
          const value = row ? of(row) : null;
          return {
            group,
            colour: systemLook(system, []).colour,
            value: value === null ? null : { mean: value, half: null, n: 1 },
            label: "",
          };
        }),
      );
    const panel = (title: string, limit: number, of: (row: Row) => number | null) =>
      barPanel({
        ...{ title, height: 85, yLabel: "error, %", groups, bars: bars(of) },
        ...{ limits: [limit, -limit], signed: true },
      });
    const notes = notesOf(dataset, { average: "Median", spread: "" });
    return {
      figures: [
        {
          name: "validate",
          title: "Simulated against replayed",
          description:
            "Errors of simulated memory and P95 in percent of the replayed values, for each function and system.",
          legend: [
            ...systems.map((system) => ({
              ...{ label: systemName(system), kind: "bar" as const, colour: systemLook(system, []).colour },
            })),
            {
              label: `goal: ±${MOST_MEMORY_ERROR_PCT} %, ±${MOST_P95_ERROR_PCT} %`,
              kind: "line",
              colour: LIMIT,
              dash: "4 2",
            },
          ],
          panels: [
            panel("Average local memory", MOST_MEMORY_ERROR_PCT, (row) => row.memErrorPct),
            panel("P95 latency", MOST_P95_ERROR_PCT, (row) => row.p95ErrorPct),
          ],
          notes,
        },
      ],
      tables: [
        {
          name: "validate",
          title: "Simulated against replayed",
          columns: [
            ...[{ label: "function" }, { label: "system" }, { label: "window" }],
            { label: "memory error %", digits: 1 },
            { label: "P95 error %", digits: 1 },
          ],
          rows: rows.map((row) => [
            row.function,
            systemName(row.system),
            row.window,
            row.memErrorPct,
            row.p95ErrorPct,
          ]),
          notes,
        },
      ],
    };
  },
};
