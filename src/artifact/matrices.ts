import { experiments } from "../../experiments/index.ts";
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

/** The reference's experiments that have cells (section 5), with the names that our windows have. */
export const matrices: readonly Matrix[] = Object.values(experiments)
  .filter(({ windows }) => windows.length > 0)
  .map(({ name, functions, systems, windows, windowS }) => ({
    experiment: name,
    functions,
    systems,
    windows: windows.map(({ label, rank, start }) => ({
      ...{ label, traceFunction: rank, startIndex: start, windowS },
    })),
  }));
