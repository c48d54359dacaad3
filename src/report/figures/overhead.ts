import type { Documents } from "../../results/documents.ts";
import { documentOf } from "../data/dataset.ts";
import { type Estimate, estimate } from "../data/estimate.ts";
import { notesOf, tableNotesOf } from "../data/provenance.ts";
import { barPanel } from "../draw/bars.ts";
import { lookOf } from "../draw/style.ts";
import type { FigureEntry } from "./entry.ts";

type Barriers = Documents["barriers"][number];

/** The three bars of the paper, in milliseconds; the interval is over sandboxes. */
export const BARRIERS: readonly { label: string; of: (row: Barriers) => Estimate | null }[] = [
  {
    label: "Runtime-Init barrier",
    of: ({ sandboxes }) => estimate(sandboxes.map(({ runtimeInitMs }) => runtimeInitMs)),
  },
  {
    label: "Init-Execution barrier",
    of: ({ sandboxes }) => estimate(sandboxes.map(({ initExecutionMs }) => initExecutionMs)),
  },
  {
    label: "periodic rollback",
    of: ({ sandboxes }) =>
      estimate(
        sandboxes.flatMap(({ rollbackMs }) => {
          const mean = estimate(rollbackMs)?.mean;
          return mean === undefined ? [] : [mean];
        }),
      ),
  },
];

/** "Overhead of Puckets". */
export const overheadEntry: FigureEntry = {
  name: "overhead",
  summary: "what time barriers and the periodic rollback cost, for each function",
  experiments: ["overhead"],
  command: "faasmem experiment run overhead",
  suits: ({ documents }) => documents.includes("barriers"),
  draw: (dataset) => {
    const rows = documentOf(dataset, "barriers")!;
    const sandboxes = Math.max(0, ...rows.map((row) => row.sandboxes.length));
    const mean = `Mean of ${sandboxes} sandboxes`;
    const notes = [`${mean}, whiskers: 95 % confidence.`, ...notesOf(dataset)];
    return {
      figures: [
        {
          name: "overhead",
          title: "Overhead of Puckets",
          description: "Milliseconds of the two time barriers and of a rollback, for each function.",
          legend: BARRIERS.map(({ label }, i) => ({ label, kind: "bar", colour: lookOf(i).colour })),
          panels: [
            barPanel({
              height: 120,
              yLabel: "ms",
              groups: rows.map((row) => row.function),
              bars: rows.map((row) =>
                BARRIERS.map(({ of }, i) => ({
                  ...{ group: row.function, colour: lookOf(i).colour, value: of(row), label: "" },
                })),
              ),
            }),
          ],
          notes,
        },
      ],
      tables: [
        {
          name: "overhead",
          title: "Overhead of Puckets",
          columns: [
            { label: "function" },
            { label: "sandboxes", digits: 0 },
            ...BARRIERS.map(({ label }) => ({ label: `${label} ms`, digits: 2 })),
          ],
          rows: rows.map((row) => [row.function, row.sandboxes.length, ...BARRIERS.map(({ of }) => of(row))]),
          notes: [`${mean}, ±: 95 % confidence.`, ...tableNotesOf(dataset)],
        },
      ],
    };
  },
};
