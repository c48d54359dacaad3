import { DENSITY_MOST, type Documents } from "../../results/documents.ts";
import { documentOf, unique } from "../data/dataset.ts";
import { type DensityPoint, densityPoints, heldText, isCapped, PRODUCTION, trend } from "../data/density.ts";
import { notesOf, tableNotesOf } from "../data/provenance.ts";
import type { Table } from "../data/table.ts";
import { barPanel } from "../draw/bars.ts";
import type { Figure } from "../draw/figure.ts";
import { scatterPanel } from "../draw/scatter.ts";
import { lookOf, systemLook, systemName } from "../draw/style.ts";
import { percent } from "./comparison.ts";
import type { Drawing, FigureEntry } from "./entry.ts";

type Found = Documents["density"];

const FORMULA = `Density = quota / (quota − base × (1 − memory / memory under baseline)), quota and base in MiB: ${Object.entries(
  PRODUCTION,
)
  .map(([name, { quota, base }]) => `${name} ${quota}, ${base}`)
  .join("; ")}.`;

/** Density against one measure of load, a symbol for each function, with its trend. */
function scatterFigure(
  points: readonly DensityPoint[],
  of: (point: DensityPoint) => number | null,
  about: { name: string; title: string; xLabel: string; notes: string[] },
): Figure {
  const functions = unique(points.map((point) => point.function));
  const shown = points.flatMap((point) => {
    const x = of(point);
    const look = lookOf(functions.indexOf(point.function));
    return x === null || x <= 0 ? [] : [{ x, y: point.density.mean, function: point.function, ...look }];
  });
  const lines = functions.flatMap((name) => {
    const own = shown.filter((point) => point.function === name);
    const found = trend(own);
    return found ? [{ colour: own[0]!.colour, dash: own[0]!.dash, points: found.line }] : [];
  });
  return {
    name: about.name,
    title: about.title,
    description: "A point for each function and window, with the trend of each function.",
    legend: functions.map((label, i) => ({ label, kind: "dot", ...lookOf(i) })),
    panels: [
      scatterPanel({
        height: 150,
        xLabel: about.xLabel,
        yLabel: "density against baseline",
        points: shown,
        lines,
        logX: true,
        yFormat: percent,
      }),
    ],
    notes: [FORMULA, "Lines: least squares over the logarithm of x.", ...about.notes],
  };
}

const nameOfHeld = ({ simulated }: Found) => (simulated ? "density-budget" : "density-real");
const heldTitle = ({ budgetBytes, simulated }: Found) =>
  `Sandboxes that ${(budgetBytes / 1024 ** 3).toFixed(0)} GiB of local memory ${simulated ? "hold, simulated" : "really held"}`;

/** How many sandboxes the budget held. */
function heldFigure(found: Found, notes: string[]): Figure {
  const { rows } = found;
  const functions = unique(rows.map((row) => row.function));
  const systems = unique(rows.map((row) => row.system));
  const looks = systems.map((system) => systemLook(system, []));
  return {
    name: nameOfHeld(found),
    title: heldTitle(found),
    description:
      "Number of idle sandboxes within a fixed budget of local memory, for each function and system.",
    legend: systems.map((system, i) => ({
      label: systemName(system),
      kind: "bar",
      colour: looks[i]!.colour,
    })),
    panels: [
      barPanel({
        height: 95,
        yLabel: "sandboxes",
        groups: functions,
        bars: functions.map((name) =>
          systems.map((system, i) => {
            const row = rows.find((one) => one.function === name && one.system === system);
            return {
              group: name,
              colour: looks[i]!.colour,
              value: row ? { mean: row.sandboxes, half: null, n: 1 } : null,
              label: row ? heldText(row.sandboxes) : "",
            };
          }),
        ),
      }),
    ],
    notes,
  };
}

function pointsTable(points: readonly DensityPoint[], notes: string[]): Table {
  return {
    name: "density",
    title: "Production density",
    columns: [
      ...[{ label: "function" }, { label: "window" }, { label: "system" }],
      { label: "requests/min", digits: 2 },
      { label: "sd of intervals s", digits: 2 },
      { label: "memory of baseline", digits: 1, percent: true },
      { label: "density", digits: 1, percent: true },
    ],
    rows: points.map((one) => [
      ...[one.function, one.window, one.series, one.requestsPerMinute, one.intervalDeviationS],
      ...[one.memoryRatio, one.density],
    ]),
    notes: [FORMULA, ...notes],
  };
}

const heldTable = (found: Found, notes: string[]): Table => ({
  name: nameOfHeld(found),
  title: heldTitle(found),
  columns: [
    ...[{ label: "function" }, { label: "system" }],
    { label: "sandboxes", digits: 0 },
    { label: "of baseline", digits: 0, percent: true },
    { label: "local MB", digits: 0 },
    { label: "remote MB", digits: 0 },
  ],
  rows: found.rows.map((row) => {
    const base = found.rows.find((one) => one.function === row.function && one.system === "baseline");
    const isKnown = base && base !== row && base.sandboxes > 0 && !isCapped(base.sandboxes);
    const ratio = isKnown ? row.sandboxes / base.sandboxes : null;
    return [
      row.function,
      systemName(row.system),
      row.sandboxes,
      ratio,
      row.localBytes / 1e6,
      row.remoteBytes / 1e6,
    ];
  }),
  notes,
});

/** "Production density", as the paper calculates it and as it really is. */
export const densityEntry: FigureEntry = {
  name: "density",
  summary: "how many more sandboxes fit, against requests per minute and burstiness; and how many did",
  experiments: ["density"],
  command: "faasmem experiment run density",
  suits: ({ cells, documents }) => cells.length > 0 || documents.includes("density"),
  draw: (dataset): Drawing => {
    const notes = notesOf(dataset, { spread: "" });
    const points = densityPoints(dataset);
    const found = documentOf(dataset, "density");
    const drawing: Drawing = { figures: [], tables: [] };
    if (points.length > 0) {
      drawing.figures.push(
        scatterFigure(points, (point) => point.requestsPerMinute, {
          ...{
            name: "density-load",
            title: "Production density against load",
            xLabel: "requests per minute",
            notes,
          },
        }),
        scatterFigure(points, (point) => point.intervalDeviationS, {
          name: "density-burstiness",
          title: "Production density against burstiness",
          xLabel: "standard deviation of request intervals, s",
          notes,
        }),
      );
      drawing.tables.push(pointsTable(points, tableNotesOf(dataset)));
    }
    if (found && found.rows.length > 0) {
      const sandboxes = found.simulated
        ? "sandboxes simulated from profiles of this machine"
        : "real sandboxes on this machine";
      const mode = `${sandboxes}, idle after two requests each, added until the next did not fit${found.rows.some((row) => isCapped(row.sandboxes)) ? `; more than ${DENSITY_MOST} were not tried` : ""}`;
      drawing.figures.push(heldFigure(found, notesOf(dataset, { mode })));
      drawing.tables.push(heldTable(found, notesOf(dataset, { mode })));
    }
    return drawing;
  },
};
