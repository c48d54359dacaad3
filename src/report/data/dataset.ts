import { z } from "zod";
import { FaasmemError } from "../../base/errors.ts";
import type { DocumentKind, Documents } from "../../results/documents.ts";
import type { Cell, Run } from "../../results/schema.ts";
import type { CellRecord, Store } from "../../results/store.ts";
import { type Look, systemLook, systemName } from "../draw/style.ts";

/** What figures need of a run's stored plan (src/experiment/plan.ts); runs of older versions have less. */
const names = z.array(z.string()).optional().catch(undefined);
const facts = z
  .object({
    mode: z.string().catch("replay"),
    functions: names,
    systems: names,
    windows: z
      .array(z.object({ label: z.string(), timeScale: z.number().optional().catch(undefined) }))
      .catch([]),
    windowNote: z.string().optional().catch(undefined),
    repeats: z.number().optional().catch(undefined),
    /** Folder of the artifact's results (src/artifact/import.ts). */
    importedFrom: z.string().optional().catch(undefined),
  })
  .catch({ mode: "replay", windows: [] });

/** A run with all that it found. */
export interface Source {
  run: Run;
  plan: z.infer<typeof facts>;
  records: readonly CellRecord[];
  documents: Partial<Documents>;
}

/** One cell as figures draw it. */
export interface Row extends CellRecord {
  runId: number;
  cell: Cell;
  /** Label of its series: the system, and where it comes from when that differs within the figure. */
  series: string;
}

/** What a figure draws: usually one run; several to be compared in one figure. */
export interface Dataset {
  sources: readonly Source[];
  rows: readonly Row[];
  /** In the order of the plan: baseline first. */
  series: readonly Series[];
}

export interface Series {
  label: string;
  system: string;
  look: Look;
}

/** Reads a run from the store. @throws FaasmemError UNKNOWN_RUN */
export function loadSource(store: Store, runId: number): Source {
  const { run, records } = store.loadRun(runId);
  const kinds: DocumentKind[] = ["barriers", "semiwarm", "density", "validation"];
  const documents = Object.fromEntries(
    kinds.flatMap((kind) => {
      const document = store.loadDocument(runId, kind);
      return document ? [[kind, document]] : [];
    }),
  );
  return { run, plan: facts.parse(run.config), records, documents };
}

/** Puts runs together. Series of several runs or modes say which is which. */
export function datasetOf(sources: readonly Source[]): Dataset {
  const origins = sources.flatMap(({ run, records }) =>
    records.map(({ cell }) => ({ run: run.id, mode: cell.mode })),
  );
  const modes = new Set(origins.map(({ mode }) => mode));
  const runsOf = (mode: string) => new Set(origins.filter((one) => one.mode === mode).map(({ run }) => run));
  const origin = (run: number, mode: Cell["mode"]): string => {
    const parts = [
      ...(modes.size > 1 ? [ORIGINS[mode]] : []),
      ...(runsOf(mode).size > 1 ? [`run ${run}`] : []),
    ];
    return parts.length > 0 ? ` (${parts.join(", ")})` : "";
  };
  const rows = sources.flatMap(({ run, records }) =>
    records.map((record) => ({
      ...record,
      runId: run.id,
      series: `${systemName(record.cell.system)}${origin(run.id, record.cell.mode)}`,
    })),
  );
  const series: Series[] = [];
  for (const { series: label, cell } of rows) {
    if (series.some((one) => one.label === label)) continue;
    const look = systemLook(
      cell.system,
      series.map((one) => one.look),
    );
    series.push({ label, system: cell.system, look });
  }
  // What is compared across runs stands side by side.
  const systems = unique(series.map(({ system }) => system));
  series.sort((a, b) => systems.indexOf(a.system) - systems.indexOf(b.system));
  return { sources, rows, series };
}

const ORIGINS: Record<Cell["mode"], string> = {
  replay: "replayed",
  simulate: "simulated",
  imported: "artifact",
};

/** The document of this kind in the first run that has one. */
export function documentOf<K extends DocumentKind>({ sources }: Dataset, kind: K): Documents[K] | null {
  for (const { documents } of sources) {
    const document = documents[kind];
    if (document) return document as Documents[K];
  }
  return null;
}

export const unique = <T>(values: Iterable<T>): T[] => [...new Set(values)];
export const functionsOf = ({ rows }: Dataset): string[] => unique(rows.map(({ cell }) => cell.function));
export const windowsOf = ({ rows }: Dataset): string[] => unique(rows.map(({ cell }) => cell.window));

/** The cell that a row is compared with: the same function and window of the same run and repeat, under baseline. */
export const baselineOf = ({ rows }: Pick<Dataset, "rows">, row: Row): Row | undefined =>
  rows.find(
    ({ runId, cell }) =>
      cell.system === "baseline" &&
      runId === row.runId &&
      cell.function === row.cell.function &&
      cell.window === row.cell.window &&
      cell.repeat === row.cell.repeat &&
      cell.mode === row.cell.mode,
  );

/** The rows of one window only. */
export const ofWindow = (dataset: Dataset, window: string): Dataset => ({
  ...dataset,
  rows: dataset.rows.filter(({ cell }) => cell.window === window),
});

/** Functions and windows to draw; all where none are named. */
export interface Wanted {
  function?: readonly string[] | undefined;
  window?: readonly string[] | undefined;
}

/**
 * Runs cut down to some functions and windows.
 * @throws FaasmemError NOTHING_LEFT
 */
export function only(sources: readonly Source[], wanted: Wanted): Source[] {
  const keep = (of: keyof Wanted, value: string) => wanted[of]?.includes(value) ?? true;
  if (!wanted.function && !wanted.window) return [...sources];
  return sources.map((source) => {
    const { records, documents, run } = source;
    const left = records.filter(({ cell }) => keep("function", cell.function) && keep("window", cell.window));
    if (left.length === 0 && records.length > 0) {
      const there = (of: "function" | "window") => unique(records.map(({ cell }) => cell[of])).join(", ");
      throw new FaasmemError("NOTHING_LEFT", `run ${run.id} has no cell of that function and window`, {
        fix: `its functions: ${there("function")}; its windows: ${there("window")}`,
        kind: "usage",
      });
    }
    const barriers = documents.barriers?.filter((row) => keep("function", row.function));
    return { ...source, records: left, documents: { ...documents, ...(barriers ? { barriers } : {}) } };
  });
}
