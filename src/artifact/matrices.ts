import type { CellName } from "./names.ts";

/** What an experiment of the reference runs: names by which its cells are known again. */
export interface Matrix {
  experiment: string;
  functions: readonly string[];
  systems: readonly string[];
  windows: readonly { label: string; traceFunction: number; startIndex: number; windowS: number }[];
}

type Window = Pick<CellName, "traceFunction" | "startIndex" | "windowS">;

const sameWindow = (a: Window) => (b: Window) =>
  a.traceFunction === b.traceFunction && a.startIndex === b.startIndex && a.windowS === b.windowS;

/** Is it a cell of this matrix? */
export const holds = (matrix: Matrix, cell: CellName): boolean =>
  matrix.functions.includes(cell.function) &&
  matrix.systems.includes(cell.system) &&
  matrix.windows.some(sameWindow(cell));

/** The matrix that all of the cells fit, the one they fill best where several do; undefined: none. */
export function matrixOf(cells: readonly CellName[], matrices: readonly Matrix[]): Matrix | undefined {
  const size = (matrix: Matrix) => matrix.functions.length * matrix.systems.length * matrix.windows.length;
  return matrices
    .filter((matrix) => cells.length > 0 && cells.every((cell) => holds(matrix, cell)))
    .toSorted((a, b) => size(a) - size(b))[0];
}

/** Name of a cell's window: the matrix's, or the artifact's trace and first arrival. */
export function windowLabel(cell: CellName, all: readonly CellName[], matrix?: Matrix): string {
  const named = matrix?.windows.find(sameWindow(cell));
  if (named) return named.label;
  const label = `${cell.traceFunction}@${cell.startIndex}`;
  const alike = all.filter(
    (other) => other.traceFunction === cell.traceFunction && other.startIndex === cell.startIndex,
  );
  return alike.every((other) => other.windowS === cell.windowS) ? label : `${label}, ${cell.windowS} s`;
}

const HOUR_S = 3600;
const windows = (places: readonly string[], hours = 1) =>
  places.map((label) => {
    const [traceFunction, startIndex] = label.split("@").map(Number) as [number, number];
    return { label, traceFunction, startIndex, windowS: hours * HOUR_S };
  });

const three = ["bert", "graph", "web"];
const eleven = [...three, ...["float", "matmul", "linpack", "image", "chameleon", "pyaes", "gzip", "json"]];
/** 21 windows of the density experiment; the first nine are those of the other two as well. */
const density =
  "0@25011 2@502 3@27267 4@0 5@6168 6@35316 7@42167 8@52 9@0 10@0 12@0 17@0 14@2009 15@4003 16@3000 25@5017 60@0 14@2370 0@13958 0@29277 3@0".split(
    " ",
  );

/** The reference's experiments that have cells (section 5). */
export const referenceMatrices: readonly Matrix[] = [
  {
    experiment: "benchmarks",
    functions: eleven,
    systems: ["baseline", "tmo", "faasmem"],
    windows: windows(["2@502", "60@0"]),
  },
  {
    experiment: "workloads",
    functions: three,
    systems: ["baseline", "tmo", "faasmem"],
    windows: windows(["0@25011", "3@27267", "4@0", "5@6168", "6@35316", "7@42167"]),
  },
  {
    experiment: "ablation",
    functions: ["bert"],
    systems: ["baseline", "faasmem", "faasmem-no-pucket", "faasmem-no-semiwarm"],
    windows: windows(["3@52391", "0@8967"], 8),
  },
  {
    experiment: "density",
    functions: three,
    systems: ["baseline", "faasmem"],
    windows: windows(density),
  },
];
