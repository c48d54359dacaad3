import { basename, join, resolve } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import type { Store } from "../results/store.ts";
import { cellOf, recordOf } from "./cells.ts";
import { latencyFile, monitorFile, readResult } from "./files.ts";
import { holds, type Matrix, matrixOf, windowLabel } from "./matrices.ts";
import type { CellName } from "./names.ts";
import { type FoundCell, type Skipped, scanFolder } from "./scan.ts";

/** The trace that the artifact replays; whether it was imported here makes no difference. */
const ARTIFACT_TRACE = "azure2021";
/** Experiment of cells that fit none of ours. */
const ANY = "artifact";

export interface ImportOptions {
  matrices: readonly Matrix[];
  /** Take only what belongs to this experiment's matrix; undefined: all, as one run. */
  experiment?: string | undefined;
  onCell?: (done: number, of: number) => void;
}

export interface ImportedRun {
  run: number;
  experiment: string;
  cells: number;
  /** Functions whose barriers were imported. */
  barriers: number;
  /** Cells that are not of the experiment that was asked for. */
  leftOut: number;
  skipped: Skipped[];
}

/**
 * Imports a folder of the artifact's result files as one run: of the experiment whose matrix the cells fit, so that they
 * stand beside ours in its figures, else of `artifact`. Each file is read twice, checked and then stored, one cell at a
 * time; all is stored or nothing.
 *
 * @throws FaasmemError NO_SUCH_FOLDER, UNKNOWN_EXPERIMENT, NO_RESULTS, DISK_FULL
 */
export function importResults(folder: string, store: Store, options: ImportOptions): ImportedRun {
  const wanted = options.experiment === undefined ? undefined : matrixNamed(options.experiment, options);
  const { cells: all, barriers: allBarriers, skipped } = scanFolder(folder);
  const cells = wanted
    ? all.filter(({ name }) => (wanted === "overhead" ? false : holds(wanted, name)))
    : all;
  const barriers = wanted === undefined || wanted === "overhead" ? allBarriers : [];
  if (cells.length === 0 && barriers.length === 0) throw nothing(folder, skipped, all.length);
  const { experiment, matrix } = experimentOf(cells, options.matrices, wanted);
  const names = cells.map(({ name }) => name);
  const label = (cell: FoundCell) => cell.own?.window ?? windowLabel(cell.name, names, matrix);
  const run = store.atomically(() => {
    const id = store.startRun({
      experiment,
      seed: 0,
      timeScale: 1,
      trace: ARTIFACT_TRACE,
      config: planOf(experiment, cells, label, folder),
      machine: { kernel: "of the artifact's authors or users", cpu: "unknown", cores: 0, memoryBytes: 0 },
      version: "artifact",
    });
    const repeats = new Map<string, number>();
    cells.forEach((cell, i) => {
      const window = label(cell);
      const key = JSON.stringify([cell.name.function, cell.name.system, window]);
      const repeat = repeats.get(key) ?? 0;
      repeats.set(key, repeat + 1);
      const latency = readResult(join(folder, cell.latency), latencyFile);
      const monitor = readResult(join(folder, cell.monitor), monitorFile);
      store.saveCell(id, recordOf(cellOf(cell.name, { window, repeat }, latency, monitor), latency, monitor));
      options.onCell?.(i + 1, cells.length);
    });
    if (barriers.length > 0) store.saveDocument(id, "barriers", barriers);
    store.finishRun(id, "done");
    return id;
  });
  return {
    run,
    experiment,
    cells: cells.length,
    barriers: barriers.length,
    leftOut: all.length - cells.length,
    skipped,
  };
}

function matrixNamed(name: string, { matrices }: ImportOptions): Matrix | "overhead" {
  if (name === "overhead") return name;
  const matrix = matrices.find((one) => one.experiment === name);
  if (matrix) return matrix;
  throw new FaasmemError("UNKNOWN_EXPERIMENT", `results of no experiment "${name}" can be imported`, {
    fix: `choose one of: ${[...matrices.map((one) => one.experiment), "overhead"].join(", ")}`,
    kind: "usage",
  });
}

/** What the run is one of: what was asked for, what our own export says, what the cells fit. */
function experimentOf(
  cells: readonly FoundCell[],
  matrices: readonly Matrix[],
  wanted: Matrix | "overhead" | undefined,
): { experiment: string; matrix?: Matrix | undefined } {
  if (wanted === "overhead" || cells.length === 0) return { experiment: "overhead" };
  if (wanted) return { experiment: wanted.experiment, matrix: wanted };
  const own = new Set(cells.map((cell) => cell.own?.experiment));
  const [only] = own;
  if (own.size === 1 && only !== undefined) return { experiment: only };
  const matrix = matrixOf(
    cells.map(({ name }) => name),
    matrices,
  );
  return { experiment: matrix?.experiment ?? ANY, matrix };
}

/** A plan as runs keep it, with where the results came from. */
function planOf(
  experiment: string,
  cells: readonly FoundCell[],
  label: (cell: FoundCell) => string,
  folder: string,
) {
  const of = <T>(pick: (name: CellName) => T) => [...new Set(cells.map(({ name }) => pick(name)))];
  const windows = new Map(
    cells.map((cell) => {
      const { traceFunction, startIndex, windowS } = cell.name;
      return [label(cell), { label: label(cell), traceFunction, startIndex, windowS }];
    }),
  );
  return {
    name: experiment,
    mode: "imported",
    functions: of((name) => name.function),
    systems: of((name) => name.system),
    trace: ARTIFACT_TRACE,
    windows: [...windows.values()],
    timeScale: 1,
    seed: 0,
    repeats: 1,
    semiWarmDelay: "window",
    importedFrom: basename(resolve(folder)),
  };
}

function nothing(folder: string, skipped: readonly Skipped[], others: number): FaasmemError {
  const [first] = skipped;
  const why = first
    ? `: ${skipped.length} bad files, the first ${first.file}: ${first.reason}`
    : others > 0
      ? `: its ${others} cells are of other experiments`
      : "";
  return new FaasmemError("NO_RESULTS", `${folder} has no result to import${why}`, {
    fix: "give the folder with the artifact's files, DATE TIME_AzureTraceLatency_... and _AzureTraceGlobalmonitor_...",
  });
}
