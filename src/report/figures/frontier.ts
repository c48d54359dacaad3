import { geometricMean } from "../../base/geometric-mean.ts";
import { type Dataset, unique } from "../data/dataset.ts";
import { localBytes, ofBaseline, p95Ms } from "../data/measures.ts";
import { notesOf } from "../data/provenance.ts";
import { scatterPanel } from "../draw/scatter.ts";
import { MUTED } from "../draw/style.ts";
import { percent } from "./comparison.ts";
import type { FigureEntry } from "./entry.ts";

/** A system's place: its memory and its P95 as shares of baseline, the geometric mean over functions and windows. */
interface Place {
  series: string;
  memory: number;
  p95: number;
  cells: number;
}

interface CellPlace {
  series: string;
  memory: number;
  p95: number;
}

function cellPlaces(dataset: Dataset): CellPlace[] {
  const memoryOf = ofBaseline(dataset, localBytes);
  const p95Of = ofBaseline(dataset, p95Ms);
  return dataset.rows.flatMap((row) => {
    const [memory, p95] = [memoryOf(row), p95Of(row)];
    return memory === null || p95 === null ? [] : [{ series: row.series, memory, p95 }];
  });
}

/** One place for each series. */
function placesOf(dataset: Dataset): Place[] {
  const cells = cellPlaces(dataset);
  return dataset.series.flatMap(({ label }) => {
    const own = cells.filter(({ series }) => series === label);
    const [memory, p95] = [
      geometricMean(own.map((one) => one.memory)),
      geometricMean(own.map((one) => one.p95)),
    ];
    return memory === null || p95 === null ? [] : [{ series: label, memory, p95, cells: own.length }];
  });
}

/** Places that no other one beats in both: the frontier, by memory. */
const frontierOf = (places: readonly Place[]): Place[] =>
  places
    .filter(
      (one) => !places.some((other) => other !== one && other.memory <= one.memory && other.p95 <= one.p95),
    )
    .toSorted((a, b) => a.memory - b.memory);

/** What a system's savings cost: a point for each. */
export const frontierEntry: FigureEntry = {
  name: "frontier",
  summary: "memory against P95, a point for each system: of any run with baseline and others",
  command: "faasmem experiment run quick",
  suits: ({ cells }) =>
    unique(cells.map(({ system }) => system)).length > 1 && cells.some(({ system }) => system === "baseline"),
  draw: (dataset) => {
    const notes = [
      "Large: geometric mean over functions and windows; small: single cells. Grey line: what no other system beats in both.",
      ...notesOf(dataset, { spread: "" }),
    ];
    const places = placesOf(dataset);
    const looks = new Map(dataset.series.map(({ label, look }) => [label, look]));
    const small = cellPlaces(dataset).filter(({ series }) => looks.has(series) && series !== "baseline");
    const largest = Math.max(1.15, ...places.map(({ p95 }) => p95));
    const within = small.filter(({ p95 }) => p95 <= largest * 1.5);
    const left = small.length - within.length;
    return {
      figures: [
        {
          name: "frontier",
          title: "Frontier of memory and latency",
          description:
            "Average local memory against P95 latency, both as shares of baseline, a point for each system.",
          legend: dataset.series.map(({ label, look }) => ({ label, kind: "dot", ...look })),
          panels: [
            scatterPanel({
              height: 165,
              xLabel: "average local memory, of baseline",
              yLabel: "P95, of baseline",
              points: [
                ...within.map((one) => ({
                  x: one.memory,
                  y: one.p95,
                  ...looks.get(one.series)!,
                  faint: true,
                })),
                ...places.map((one) => ({ x: one.memory, y: one.p95, ...looks.get(one.series)! })),
              ],
              lines: [
                {
                  colour: MUTED,
                  dash: "1 2",
                  points: frontierOf(places).map(({ memory, p95 }) => [memory, p95] as const),
                },
              ],
              limit: 1.1,
              xFormat: percent,
              yFormat: percent,
            }),
          ],
          notes:
            left > 0
              ? [`Above the figure, not shown: ${left} single ${left === 1 ? "cell" : "cells"}.`, ...notes]
              : notes,
        },
      ],
      tables: [
        {
          name: "frontier",
          title: "Memory and P95 against baseline, geometric mean over functions and windows",
          columns: [
            { label: "system" },
            { label: "cells", digits: 0 },
            { label: "local memory", digits: 1, percent: true },
            { label: "P95", digits: 1, percent: true },
          ],
          rows: places.map(({ series, cells, memory, p95 }) => [series, cells, memory, p95]),
          notes: notesOf(dataset, { spread: "" }),
        },
      ],
    };
  },
};
