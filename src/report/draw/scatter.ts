import type { Panel } from "./figure.ts";
import { COLUMN, INK, LIMIT, type SymbolName, TEXT_SIZE } from "./style.ts";

export interface Point {
  x: number;
  y: number;
  colour: string;
  symbol: SymbolName;
  /** Beside the point; empty for none. */
  label?: string;
  /** A point among many: small and light. */
  faint?: boolean;
}

export interface ScatterPanel {
  title?: string;
  height: number;
  xLabel: string;
  yLabel: string;
  points: readonly Point[];
  /** Trends and the like. */
  lines?: readonly { colour: string; dash: string; points: readonly (readonly [number, number])[] }[];
  logX?: boolean;
  yDomain?: [number, number];
  xFormat?: (value: number) => string;
  yFormat?: (value: number) => string;
  /** A dashed line at this height. */
  limit?: number;
}

/** Points, told apart by colour and symbol. */
export function scatterPanel(options: ScatterPanel): Panel {
  const { points, lines = [], limit } = options;
  const [low, high] = extent(points.map(({ x }) => x));
  const middle = options.logX ? Math.sqrt(low * high) : (low + high) / 2;
  const labelled = points.filter(({ label }) => label);
  return {
    ...(options.title ? { title: options.title } : {}),
    height: options.height,
    plot: (Plot) => ({
      x: {
        label: options.xLabel,
        ...(options.logX
          ? { type: "log", ticks: logTicks(low, high), tickFormat: plain, domain: [low / 1.12, high * 1.12] }
          : { ticks: 6, nice: true, insetLeft: 5, insetRight: 8 }),
        ...(options.xFormat ? { tickFormat: options.xFormat } : {}),
        grid: true,
      },
      y: {
        label: options.yLabel,
        grid: true,
        ticks: 5,
        ...(options.yDomain ? { domain: options.yDomain } : { nice: true }),
        ...(options.yFormat ? { tickFormat: options.yFormat } : {}),
      },
      marks: [
        ...(limit === undefined
          ? []
          : [Plot.ruleY([limit], { stroke: LIMIT, strokeDasharray: "4 2", strokeWidth: 0.9 })]),
        ...lines.map((line) =>
          Plot.line(line.points, { stroke: line.colour, strokeWidth: 1.2, strokeDasharray: line.dash }),
        ),
        ...points.map((point) => {
          const drawn = point.symbol === "plus" || point.symbol === "times";
          return Plot.dot([point], {
            x: "x",
            y: "y",
            symbol: point.symbol,
            r: point.faint ? 1.5 : 2.6,
            ...(drawn
              ? { stroke: point.colour, strokeWidth: 1.2, strokeOpacity: point.faint ? 0.45 : 1 }
              : { fill: point.colour, fillOpacity: point.faint ? 0.45 : 1 }),
          });
        }),
        ...labelled.map((point) =>
          Plot.text([point], {
            x: "x",
            y: "y",
            text: "label",
            fontSize: TEXT_SIZE,
            fill: INK,
            ...(point.x > middle ? { textAnchor: "end", dx: -5 } : { textAnchor: "start", dx: 5 }),
          }),
        ),
      ],
    }),
  };
}

/** Smallest and largest, of arrays of any length. */
export function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

const plain = (value: number) => String(Number(value.toPrecision(3)));

/** Powers of ten; between them 2 and 5 where there are few; never none. */
export function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low);
  const digits = decades > 2.5 ? [1] : [1, 2, 5];
  const first = Math.floor(Math.log10(low)) - 1;
  const ticks = Array.from({ length: Math.ceil(decades) + 4 }, (_, i) =>
    digits.map((digit) => digit * 10 ** (first + i)),
  );
  const found = ticks.flat().filter((tick) => tick >= low / 1.12 && tick <= high * 1.12);
  return found.length > 0 ? found : [Number(low.toPrecision(2))];
}

/** Points of a width of a column that can be told apart. */
export const RESOLUTION = COLUMN;
