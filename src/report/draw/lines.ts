import type { Panel } from "./figure.ts";
import { INK, PAPER, type SymbolName } from "./style.ts";

export interface Line {
  colour: string;
  dash: string;
  points: readonly (readonly [x: number, y: number])[];
  /** Stays at a value until the next point. */
  steps?: boolean;
}

/** Marks on the lines: what happened at that moment. */
export interface Event {
  x: number;
  y: number;
  colour: string;
  symbol: SymbolName;
}

export interface LinePanel {
  title?: string;
  height: number;
  xLabel: string;
  yLabel: string;
  lines: readonly Line[];
  xDomain?: [number, number];
  yDomain?: [number, number];
  logX?: boolean;
  xFormat?: string | ((value: number) => string);
  xTicks?: number[];
  events?: readonly Event[];
}

/** Lines over a common x axis. */
export function linePanel(options: LinePanel): Panel {
  const { lines, events = [] } = options;
  return {
    ...(options.title ? { title: options.title } : {}),
    height: options.height,
    plot: (Plot) => ({
      x: {
        label: options.xLabel,
        ...(options.xTicks ? { ticks: options.xTicks } : { ticks: 6 }),
        ...(options.xDomain ? { domain: options.xDomain } : {}),
        ...(options.logX ? { type: "log" } : {}),
        ...(options.xFormat ? { tickFormat: options.xFormat } : {}),
      },
      y: {
        label: options.yLabel,
        grid: true,
        ticks: 4,
        zero: true,
        ...(options.yDomain ? { domain: options.yDomain } : {}),
      },
      marks: [
        ...lines.map(({ points, colour, dash, steps }) =>
          Plot.line(points, {
            stroke: colour,
            strokeWidth: 1.2,
            strokeDasharray: dash,
            curve: steps ? "step-after" : "linear",
          }),
        ),
        ...events.map(({ symbol, colour, ...at }) =>
          Plot.dot([at], { x: "x", y: "y", symbol, r: 2, fill: colour, stroke: PAPER, strokeWidth: 0.4 }),
        ),
        Plot.ruleY([options.yDomain?.[0] ?? 0], { stroke: INK, strokeWidth: 0.8 }),
      ],
    }),
  };
}

/** As many points as can be told apart: the mean of each stretch. @param xs ascending */
export function thinned(
  points: readonly (readonly [number, number])[],
  count: number,
): (readonly [number, number])[] {
  if (points.length <= count) return [...points];
  const [from, to] = [points[0]![0], points.at(-1)![0]];
  const sums = Array.from({ length: count }, () => ({ x: 0, y: 0, n: 0 }));
  for (const [x, y] of points) {
    const sum = sums[Math.min(count - 1, Math.floor(((x - from) / (to - from)) * count))]!;
    sum.x += x;
    sum.y += y;
    sum.n++;
  }
  return sums.filter(({ n }) => n > 0).map(({ x, y, n }) => [x / n, y / n] as const);
}
