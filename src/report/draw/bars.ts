import { quantile } from "../../base/quantile.ts";
import type { Estimate } from "../data/estimate.ts";
import type { Panel } from "./figure.ts";
import type { PlotModule } from "./plot.ts";
import { COLUMN, INK, LIMIT, TEXT_SIZE } from "./style.ts";

/** One bar: null is a gap. */
export interface Bar {
  group: string;
  colour: string;
  value: Estimate | null;
  /** Above the bar; empty for none. */
  label: string;
}

export interface BarPanel {
  title?: string;
  height: number;
  /** Of the figure; default: a column. */
  width?: number;
  yLabel: string;
  groups: readonly string[];
  /** Bars of each group stand side by side in this order; all groups have as many. */
  bars: readonly (readonly Bar[])[];
  /** A dashed line that bars should stay below, and what is written at its end. */
  limits?: readonly number[];
  /** A thin line that bars are compared with. */
  rule?: number;
  /** Ticks of the y axis. */
  format?: (value: number) => string;
  /** Cut bars that are far out; they get their value as label. */
  cut?: boolean;
  /** Values below zero are meant to be seen. */
  signed?: boolean;
}

/** Share of a group's width that stays free on either side. */
const FREE = 0.1;
/** Narrower bars have upright labels; points. */
const LEVEL_LABEL = 21;
/** Characters of a group's name. */
const LONGEST = 22;
const AXES = { left: 36, right: 6, top: 5 };
/** Where that is asked for, bars of more than this many times the median are cut, or the others could not be told apart. */
const FAR_OUT = 3;

/** Grouped bars with whiskers and labels. Group names that would touch stand at an angle. */
export function barPanel(options: BarPanel): Panel {
  const { bars, height } = options;
  const groups = options.groups.map((name) =>
    name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name,
  );
  const wide = (options.width ?? COLUMN) - AXES.left - AXES.right;
  const each = wide / Math.max(1, groups.length);
  const longest = Math.max(0, ...groups.map((name) => name.length)) * TEXT_SIZE * 0.5;
  const slanted = longest > each;
  const bottom = slanted ? 12 + longest * 0.7 : 15;
  const perGroup = Math.max(1, ...bars.map((group) => group.length));
  const barWidth = (each * (1 - 2 * FREE)) / perGroup;
  const places = groups.flatMap((_, g) =>
    (bars[g] ?? []).map((bar, i) => {
      const x1 = g + FREE + (i * (1 - 2 * FREE)) / perGroup;
      return { ...bar, x1, x2: x1 + (1 - 2 * FREE) / perGroup };
    }),
  );
  const median = medianOf(places);
  const marks = places.map((bar) =>
    options.cut && bar.label === "" && bar.value && bar.value.mean > FAR_OUT * median
      ? { ...bar, label: (options.format ?? String)(bar.value.mean) }
      : bar,
  );
  const upright = marks.some(
    ({ label }) => label.length * TEXT_SIZE * 0.5 > Math.min(barWidth + 3, LEVEL_LABEL),
  );
  const shown = marks.flatMap((mark) => (mark.value ? [{ ...mark, value: mark.value }] : []));
  const domain = domainOf(options, shown, upright, height - AXES.top - bottom);
  const top = domain[1];
  const cut = (value: number) => Math.max(domain[0], Math.min(value, top));
  return {
    ...(options.title ? { title: options.title } : {}),
    height: height + bottom,
    plot: (Plot) => ({
      marginBottom: bottom,
      x: {
        domain: [0, groups.length],
        label: null,
        ticks: groups.map((_, i) => i + 0.5),
        tickFormat: (at: number) => groups[Math.floor(at)]!,
        tickSize: 0,
        tickRotate: slanted ? -45 : 0,
      },
      y: {
        label: options.yLabel,
        domain,
        grid: true,
        ...(options.format ? { tickFormat: options.format } : {}),
      },
      marks: [
        Plot.rectY(shown, {
          x1: "x1",
          x2: "x2",
          y1: 0,
          y2: (bar) => cut(bar.value.mean),
          fill: "colour",
          insetLeft: 0.4,
          insetRight: 0.4,
        }),
        ...(options.rule === undefined ? [] : [Plot.ruleY([options.rule], { strokeWidth: 0.6 })]),
        ...(options.limits ?? []).map((limit) =>
          Plot.ruleY([limit], { stroke: LIMIT, strokeDasharray: "4 2", strokeWidth: 0.9 }),
        ),
        ...whiskers(Plot, shown, cut),
        ...labels(Plot, shown, upright, cut, top),
        Plot.ruleY([0], { strokeWidth: 0.8 }),
      ],
    }),
  };
}

function medianOf(bars: readonly Bar[]): number {
  return (
    quantile(
      bars.flatMap(({ value }) => (value ? [value.mean] : [])),
      0.5,
    ) ?? 1
  );
}

type Shown = Bar & { x1: number; x2: number; value: Estimate };

const reach = ({ value }: Shown) => value.mean + (value.half ?? 0);

/** Room above the bars for their labels; far outliers are cut. */
function domainOf(
  { limits = [], cut, signed }: BarPanel,
  shown: Shown[],
  upright: boolean,
  points: number,
): [number, number] {
  const median = medianOf(shown);
  const highest = Math.max(...shown.map(reach), ...limits, 0) || 1;
  const room =
    (upright ? Math.max(0, ...shown.map(({ label }) => label.length)) * TEXT_SIZE * 0.5 : TEXT_SIZE) + 4;
  const share = shown.some(({ label }) => label !== "") ? 1 - room / points : 0.95;
  const capped =
    cut && median > 0 && highest > FAR_OUT * median ? Math.max(FAR_OUT * median, ...limits) : highest;
  const lowest = signed
    ? Math.min(0, ...shown.map(({ value }) => value.mean - (value.half ?? 0)), ...limits)
    : 0;
  return [lowest * 1.1, capped / Math.max(share, 0.5)];
}

function whiskers(Plot: PlotModule, shown: Shown[], cut: (value: number) => number) {
  const known = shown.filter(({ value }) => value.half !== null && value.half > 0);
  const middle = (bar: Shown) => (bar.x1 + bar.x2) / 2;
  const ends = (sign: 1 | -1) =>
    Plot.ruleY(known, {
      x1: (bar) => middle(bar) - 0.25 * (bar.x2 - bar.x1),
      x2: (bar) => middle(bar) + 0.25 * (bar.x2 - bar.x1),
      y: (bar) => cut(bar.value.mean + sign * bar.value.half!),
      stroke: INK,
      strokeWidth: 0.7,
    });
  return [
    Plot.ruleX(known, {
      x: middle,
      y1: (bar) => cut(bar.value.mean - bar.value.half!),
      y2: (bar) => cut(reach(bar)),
      stroke: INK,
      strokeWidth: 0.7,
    }),
    ends(1),
    ends(-1),
  ];
}

function labels(
  Plot: PlotModule,
  shown: Shown[],
  upright: boolean,
  cut: (value: number) => number,
  top: number,
) {
  const lines = shown.filter(({ label }) => label !== "");
  return [
    Plot.text(lines, {
      x: (bar) => (bar.x1 + bar.x2) / 2,
      y: (bar) => cut(Math.max(reach(bar), 0)),
      text: (bar) => (reach(bar) > top ? `↑${bar.label}` : bar.label),
      fontSize: TEXT_SIZE,
      fill: INK,
      ...(upright ? { rotate: -90, textAnchor: "start", dy: -2.5 } : { dy: -5 }),
    }),
  ];
}
