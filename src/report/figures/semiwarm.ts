import type { Documents } from "../../results/documents.ts";
import { documentOf } from "../data/dataset.ts";
import { notesOf } from "../data/provenance.ts";
import type { Table } from "../data/table.ts";
import type { Figure } from "../draw/figure.ts";
import { linePanel } from "../draw/lines.ts";
import { extent, logTicks } from "../draw/scatter.ts";
import { lookOf } from "../draw/style.ts";
import type { FigureEntry } from "./entry.ts";

type Semiwarm = Documents["semiwarm"];
type Curve = Semiwarm["classes"][number]["lifetimeS"];

const LOADS = ["high", "middle", "low"] as const;

/** The two distributions over containers, a line for each load class. */
export function semiwarmFigure(found: Semiwarm, name: string, title: string, notes: string[]): Figure {
  const classes = LOADS.flatMap((load, place) => {
    const own = found.classes.find((one) => one.load === load);
    return own && own.containers > 0 ? [{ ...own, look: lookOf([1, 0, 2][place]!) }] : [];
  });
  const curves = (of: (one: (typeof classes)[number]) => Curve, unit: number) =>
    classes.map((one) => ({
      ...one.look,
      steps: true,
      points: fromZero(of(one)).map(([value, share]) => [value * unit, share] as const),
    }));
  const shares = curves((one) => one.semiWarmShare, 100);
  const lifetimes = curves((one) => one.lifetimeS, 1 / 60);
  const [shortest, longest] = extent(lifetimes.flatMap(({ points }) => points.map(([value]) => value)));
  return {
    name,
    title,
    description:
      "Distributions over containers of the semi-warm share of their lives, and of their lifetimes, by load class.",
    legend: classes.map(({ load, look, functions }) => ({
      label: `${load} load, ${functions} ${functions === 1 ? "function" : "functions"}`,
      kind: "line",
      ...look,
    })),
    panels: [
      linePanel({
        height: 110,
        xLabel: "semi-warm part of a container's life, %",
        yLabel: "share of containers",
        lines: shares,
        xDomain: [0, 100],
        yDomain: [0, 1],
      }),
      linePanel({
        height: 110,
        xLabel: "lifetime of a container, min",
        yLabel: "share of containers",
        lines: lifetimes,
        yDomain: [0, 1],
        ...{
          logX: true,
          xDomain: [shortest / 1.2, longest * 1.2],
          xTicks: logTicks(shortest, longest),
          xFormat: "~g",
        },
      }),
    ],
    notes: [
      `Keep-alive ${found.keepAliveS} s; semi-warm after the P${found.percentile} of a function's reuse intervals, at least 60 s.`,
      ...notes,
    ],
  };
}

/** The curve with the step up to its first value. */
const fromZero = (curve: Curve): Curve => (curve[0] ? [[curve[0][0], 0], ...curve] : []);

/** The value that this share of containers does not exceed. */
export const at = (curve: Curve, share: number): number | null =>
  curve.find(([, reached]) => reached >= share)?.[0] ?? curve.at(-1)?.[0] ?? null;

function tableOf(found: Semiwarm, notes: string[]): Table {
  return {
    name: "semiwarm",
    title: "Applicability of semi-warm: containers by load class",
    columns: [
      { label: "load" },
      ...["functions", "invocations", "containers"].map((label) => ({ label, digits: 0 })),
      { label: "cold", digits: 1, percent: true },
      ...["P25", "P50", "P75"].map((quantile) => ({
        label: `semi-warm ${quantile}`,
        digits: 1,
        percent: true,
      })),
      { label: "lifetime P50 min", digits: 1 },
    ],
    rows: found.classes.map((one) => [
      ...[one.load, one.functions, one.invocations, one.containers, one.coldStartRatio],
      ...[0.25, 0.5, 0.75].map((share) => at(one.semiWarmShare, share)),
      ((median) => (median === null ? null : median / 60))(at(one.lifetimeS, 0.5)),
    ]),
    notes,
  };
}

/** "Applicability of semi-warm". */
export const semiwarmEntry: FigureEntry = {
  name: "semiwarm",
  summary: "distributions of the semi-warm share of containers' lives and of their lifetimes, by load class",
  experiments: ["semiwarm"],
  command: "faasmem experiment run semiwarm",
  suits: ({ documents }) => documents.includes("semiwarm"),
  draw: (dataset) => {
    const found = documentOf(dataset, "semiwarm")!;
    const notes = notesOf(dataset);
    return {
      figures: [semiwarmFigure(found, "semiwarm", "Applicability of semi-warm", notes)],
      tables: [tableOf(found, notes)],
    };
  },
};
