/** Lengths are points (1/72 in). A column of the usual two-column paper is 3.33 in wide. */
export const COLUMN = 240;
/** Both columns, for figures with many bars. */
export const PAGE = 504;
/** Nothing in a figure is smaller: the least that is still read in print. */
export const TEXT_SIZE = 7;
export const TITLE_SIZE = 8.5;
export const SIDE = 5;

export const INK = "#1a1a1a";
/** 7:1 on white: notes are read, too. */
export const MUTED = "#555555";
export const PAPER = "#ffffff";
/** The line that must not be crossed, and marks of starts. */
export const LIMIT = "#b2182b";

/** How a series is drawn: told apart by colour, and without it by dash and symbol. */
export interface Look {
  colour: string;
  dash: string;
  symbol: SymbolName;
}

export type SymbolName = "circle" | "square" | "triangle" | "diamond" | "plus" | "times";

/** Okabe and Ito's colours, readable with any colour vision; baseline is grey, because everything is compared with it. */
const SYSTEMS: Record<string, Look> = {
  baseline: { colour: "#8c8c8c", dash: "none", symbol: "square" },
  tmo: { colour: "#e69f00", dash: "5 2", symbol: "triangle" },
  damon: { colour: "#009e73", dash: "1.5 1.5", symbol: "diamond" },
  faasmem: { colour: "#0072b2", dash: "none", symbol: "circle" },
  "faasmem-no-pucket": { colour: "#56b4e9", dash: "4 1.5 1 1.5", symbol: "triangle" },
  "faasmem-no-semiwarm": { colour: "#cc79a7", dash: "5 2", symbol: "diamond" },
  "faasmem-no-recall": { colour: "#d55e00", dash: "2 2", symbol: "plus" },
};

/** For everything that has no look of its own, in this order. */
const OTHERS: Look[] = [
  { colour: "#0072b2", dash: "none", symbol: "circle" },
  { colour: "#d55e00", dash: "5 2", symbol: "square" },
  { colour: "#009e73", dash: "1.5 1.5", symbol: "triangle" },
  { colour: "#cc79a7", dash: "4 1.5 1 1.5", symbol: "diamond" },
  { colour: "#e69f00", dash: "2 2", symbol: "plus" },
  { colour: "#56b4e9", dash: "7 2", symbol: "times" },
  { colour: "#5a4a9c", dash: "3 1", symbol: "circle" },
];

/** Looks for names that are no systems: functions, classes, barriers. */
export const lookOf = (place: number): Look => OTHERS[place % OTHERS.length]!;

/**
 * The look of a system; a second series of the same system (from the artifact, say) has a lighter colour, another dash and
 * another symbol.
 * @param taken looks that the figure has already
 */
export function systemLook(system: string, taken: readonly Look[]): Look {
  const own = SYSTEMS[system];
  const free = (look: Look) => taken.every((other) => other.colour !== look.colour);
  const second = own && { colour: lighter(own.colour), dash: "2 1.5", symbol: SECOND[own.symbol] };
  return [own, second, ...OTHERS].find((look) => look && free(look)) ?? lookOf(taken.length);
}

const SECOND: Record<SymbolName, SymbolName> = {
  ...{ circle: "times", square: "plus", triangle: "diamond" },
  ...{ diamond: "triangle", plus: "square", times: "circle" },
};

/** Half way to white. */
const lighter = (colour: string): string =>
  `#${[1, 3, 5]
    .map((at) =>
      Math.round((Number.parseInt(colour.slice(at, at + 2), 16) + 255) / 2)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;

const NAMES: Record<string, string> = {
  baseline: "baseline",
  tmo: "TMO",
  damon: "DAMON",
  faasmem: "FaaSMem",
  "faasmem-no-pucket": "without Puckets",
  "faasmem-no-semiwarm": "without semi-warm",
  "faasmem-no-recall": "without recall",
};

/** A system as figures and tables name it; a policy of one's own by its file. */
export const systemName = (system: string): string => NAMES[system] ?? system.replace(/^.*\//, "");
