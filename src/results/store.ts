import { and, desc, eq } from "drizzle-orm";
import { FaasmemError } from "../base/errors.ts";
import type { BenchResult } from "../bench/result.ts";
import type { Heatmap } from "../heatmap/heatmap.ts";
import { type Learned, learned } from "../memory/history.ts";
import type { FunctionProfile } from "../profile/profile.ts";
import type { Trace } from "../trace/trace.ts";
import { guarded, openDatabase } from "./database.ts";
import type { DocumentKind, Documents } from "./documents.ts";
import {
  benches,
  type Cell,
  cells,
  documents,
  heatmaps,
  learnedHistories,
  profiles,
  type RequestRecord,
  type Run,
  requests,
  runs,
  type Sample,
  samples,
  traceFunctions,
  traces,
} from "./schema.ts";

/** One result with everything that was recorded on the way to it. */
export interface CellRecord {
  cell: Cell;
  requests: RequestRecord[];
  samples: Sample[];
  /** Only where it was asked for. */
  heatmap?: Heatmap | null;
}

/** Hours of requests go in by statements prepared once: measured, six times as fast as drizzle's inserts of many rows. */
const requestColumns = [
  "atS",
  "latencyMs",
  "start",
  "status",
  "recalledPages",
  "recallFaults",
  "stallMs",
  "runtimePages",
  "initPages",
  "executionPages",
] as const satisfies (keyof RequestRecord)[];
const sampleColumns = ["atS", "localBytes", "remoteBytes", "sandboxes"] as const satisfies (keyof Sample)[];

/** What there is of a run. */
export interface RunOutline {
  run: Run;
  cells: Cell[];
  documents: DocumentKind[];
  /** Whether any cell has memory over time, and pages over time. */
  samples: boolean;
  heatmaps: boolean;
}

/** The local store of traces and results. */
export type Store = ReturnType<typeof openStore>;

/** Opens the store. @throws FaasmemError as openDatabase */
export function openStore(path?: string) {
  const { sqlite, db } = openDatabase(path);

  const floats = (array: Float64Array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  const toFloats = (blob: Uint8Array) => new Float64Array(blob.slice().buffer);

  const insertInto = (table: string, columns: { name: string }[]) =>
    sqlite.prepare(
      `INSERT INTO ${table} (${columns.map(({ name }) => name).join(", ")}, cell_id) VALUES (${"?, ".repeat(columns.length)}?)`,
    );
  const addRequest = insertInto(
    "requests",
    requestColumns.map((key) => requests[key]),
  );
  const addSample = insertInto(
    "samples",
    sampleColumns.map((key) => samples[key]),
  );

  return {
    /** The connection itself, for pragmas. */
    sqlite,

    /** Does all of the work in one transaction: all of it is stored, or, when it throws, nothing. */
    atomically: <T>(work: () => T): T => guarded(() => sqlite.transaction(work)()),

    /** Stores a trace. @throws FaasmemError TRACE_EXISTS unless `replace` */
    saveTrace(trace: Trace, options: { replace?: boolean } = {}): void {
      guarded(() =>
        db.transaction((tx) => {
          const old = tx.select({ id: traces.id }).from(traces).where(eq(traces.name, trace.name)).get();
          if (old && !options.replace) {
            throw new FaasmemError("TRACE_EXISTS", `there is a trace "${trace.name}" already`, {
              fix: "choose another name with --name, or overwrite it with --replace",
              kind: "usage",
            });
          }
          if (old) tx.delete(traces).where(eq(traces.id, old.id)).run();
          const { id } = tx
            .insert(traces)
            .values({
              name: trace.name,
              source: trace.source,
              importedAt: new Date(),
              spanS: trace.spanS,
              functions: trace.functions.length,
              invocations: trace.functions.reduce((sum, fn) => sum + fn.arrivals.length, 0),
            })
            .returning({ id: traces.id })
            .get();
          trace.functions.forEach((fn, rank) => {
            tx.insert(traceFunctions)
              .values({
                traceId: id,
                rank,
                functionId: fn.id,
                arrivals: floats(fn.arrivals),
                durations: floats(fn.durations),
              })
              .run();
          });
        }),
      );
    },

    /** @throws FaasmemError UNKNOWN_TRACE */
    loadTrace(name: string): Trace {
      const row = db.select().from(traces).where(eq(traces.name, name)).get();
      if (!row) throw unknownTrace(name, ["quick", ...this.listTraces().map((trace) => trace.name)]);
      const functions = db
        .select()
        .from(traceFunctions)
        .where(eq(traceFunctions.traceId, row.id))
        .orderBy(traceFunctions.rank)
        .all();
      return {
        name,
        source: row.source,
        spanS: row.spanS,
        functions: functions.map((fn) => ({
          id: fn.functionId,
          arrivals: toFloats(fn.arrivals),
          durations: toFloats(fn.durations),
        })),
      };
    },

    listTraces: () => db.select().from(traces).orderBy(traces.name).all(),

    /** @throws FaasmemError UNKNOWN_TRACE */
    removeTrace(name: string): void {
      const removed = db.delete(traces).where(eq(traces.name, name)).returning({ id: traces.id }).all();
      if (removed.length === 0)
        throw unknownTrace(
          name,
          this.listTraces().map((trace) => trace.name),
        );
    },

    /** Records that a run began; its number. */
    startRun(
      run: Pick<Run, "experiment" | "seed" | "timeScale" | "trace" | "config" | "machine" | "version">,
    ): number {
      return guarded(
        () =>
          db
            .insert(runs)
            .values({ ...run, startedAt: new Date(), status: "running" })
            .returning({ id: runs.id })
            .get().id,
      );
    },

    finishRun(id: number, status: Run["status"]): void {
      guarded(() => db.update(runs).set({ status, finishedAt: new Date() }).where(eq(runs.id, id)).run());
    },

    /** Stores one result in one transaction: all of it or nothing. */
    saveCell(runId: number, record: CellRecord): void {
      guarded(() =>
        db.transaction((tx) => {
          const { id } = tx
            .insert(cells)
            .values({ ...record.cell, runId })
            .returning({ id: cells.id })
            .get();
          for (const row of record.requests) addRequest.run(...requestColumns.map((key) => row[key]), id);
          for (const row of record.samples) addSample.run(...sampleColumns.map((key) => row[key]), id);
          if (record.heatmap) tx.insert(heatmaps).values({ cellId: id, heatmap: record.heatmap }).run();
        }),
      );
    },

    /** Takes a run up again that did not end. */
    resumeRun(id: number): void {
      guarded(() =>
        db.update(runs).set({ status: "running", finishedAt: null }).where(eq(runs.id, id)).run(),
      );
    },

    /** Keeps what an experiment found beside its cells, instead of what was kept before. */
    saveDocument<K extends DocumentKind>(runId: number, kind: K, document: Documents[K]): void {
      guarded(() =>
        db
          .insert(documents)
          .values({ runId, kind, document })
          .onConflictDoUpdate({ target: [documents.runId, documents.kind], set: { document } })
          .run(),
      );
    },

    /** null: the run has none of this kind. */
    loadDocument<K extends DocumentKind>(runId: number, kind: K): Documents[K] | null {
      const row = db
        .select()
        .from(documents)
        .where(and(eq(documents.runId, runId), eq(documents.kind, kind)))
        .get();
      return (row?.document as Documents[K] | undefined) ?? null;
    },

    saveBench(bench: BenchResult, version: string): void {
      guarded(() =>
        db.insert(benches).values({ bench, version, machine: bench.machine, measuredAt: new Date() }).run(),
      );
    },

    /** The newest result of `faasmem bench`, or null. */
    loadBench: () => db.select().from(benches).orderBy(desc(benches.id)).get() ?? null,

    listRuns: () => db.select().from(runs).orderBy(desc(runs.id)).all(),

    /** A run with its results; the newest one when no number is given. @throws FaasmemError UNKNOWN_RUN */
    loadRun(id?: number): { run: Run; records: CellRecord[] } {
      const query = db.select().from(runs);
      const run = id === undefined ? query.orderBy(desc(runs.id)).get() : query.where(eq(runs.id, id)).get();
      if (!run) throw unknownRun(id);
      const records = db
        .select()
        .from(cells)
        .where(eq(cells.runId, run.id))
        .all()
        .map(({ id: cellId, runId: _, ...cell }) => ({
          cell,
          requests: db.select().from(requests).where(eq(requests.cellId, cellId)).all(),
          samples: db.select().from(samples).where(eq(samples.cellId, cellId)).all(),
          heatmap: db.select().from(heatmaps).where(eq(heatmaps.cellId, cellId)).get()?.heatmap ?? null,
        }));
      return { run, records };
    },

    /** What a run has, without reading what was recorded on the way. @throws FaasmemError UNKNOWN_RUN */
    outlineRun(id: number): RunOutline {
      const run = db.select().from(runs).where(eq(runs.id, id)).get();
      if (!run) throw unknownRun(id);
      const has = (table: typeof samples | typeof heatmaps) =>
        db
          .select({ id: cells.id })
          .from(cells)
          .innerJoin(table, eq(table.cellId, cells.id))
          .where(eq(cells.runId, id))
          .limit(1)
          .get() !== undefined;
      return {
        run,
        cells: db.select().from(cells).where(eq(cells.runId, id)).all(),
        documents: db
          .select({ kind: documents.kind })
          .from(documents)
          .where(eq(documents.runId, id))
          .all()
          .map(({ kind }) => kind as DocumentKind),
        samples: has(samples),
        heatmaps: has(heatmaps),
      };
    },

    /** Keeps a profile instead of the function's older one. */
    saveProfile(profile: FunctionProfile, about: { machine: unknown; version: string }): void {
      const row = { ...about, measuredAt: new Date(), profile };
      guarded(() =>
        db
          .insert(profiles)
          .values({ ...row, function: profile.function })
          .onConflictDoUpdate({ target: profiles.function, set: row })
          .run(),
      );
    },

    listProfiles: () => db.select().from(profiles).orderBy(profiles.function).all(),

    /** Keeps what was learned of a function, instead of what was kept before. */
    saveLearned(name: string, history: Learned): void {
      const row = { savedAt: new Date(), history };
      guarded(() =>
        db
          .insert(learnedHistories)
          .values({ ...row, function: name })
          .onConflictDoUpdate({ target: learnedHistories.function, set: row })
          .run(),
      );
    },

    /** What was learned of a function before; undefined for nothing, or nothing that can be used. */
    loadLearned(name: string): Learned | undefined {
      const row = db.select().from(learnedHistories).where(eq(learnedHistories.function, name)).get();
      return learned.safeParse(row?.history).data;
    },

    close: () => sqlite.close(),
  };
}

function unknownRun(id: number | undefined): FaasmemError {
  const none = id === undefined;
  return new FaasmemError("UNKNOWN_RUN", none ? "there is no run yet" : `there is no run ${id}`, {
    fix: none ? "start one: faasmem experiment run quick" : "see: faasmem experiment list",
    kind: "usage",
  });
}

function unknownTrace(name: string, known: string[]): FaasmemError {
  return new FaasmemError("UNKNOWN_TRACE", `no trace "${name}"`, {
    fix: `choose one of: ${known.join(", ") || "none yet"}; import one with: faasmem trace import FILE`,
    kind: "usage",
  });
}
