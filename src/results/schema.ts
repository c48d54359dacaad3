import { blob, integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { BenchResult } from "../bench/result.ts";
import type { Heatmap } from "../heatmap/heatmap.ts";
import type { FunctionProfile } from "../profile/profile.ts";

/** The tables as drizzle sees them; their SQL is in migrations.ts. Times are seconds, memory bytes. */

export const traces = sqliteTable("traces", {
  id: integer("id").primaryKey(),
  name: text("name").notNull(),
  source: text("source").notNull(),
  importedAt: integer("imported_at", { mode: "timestamp_ms" }).notNull(),
  spanS: real("span_s").notNull(),
  functions: integer("functions").notNull(),
  invocations: integer("invocations").notNull(),
});

/** Arrivals and durations are arrays of little-endian 64-bit floats. */
export const traceFunctions = sqliteTable("trace_functions", {
  traceId: integer("trace_id").notNull(),
  rank: integer("rank").notNull(),
  functionId: text("function_id").notNull(),
  arrivals: blob("arrivals", { mode: "buffer" }).notNull(),
  durations: blob("durations", { mode: "buffer" }).notNull(),
});

export const runs = sqliteTable("runs", {
  id: integer("id").primaryKey(),
  experiment: text("experiment").notNull(),
  startedAt: integer("started_at", { mode: "timestamp_ms" }).notNull(),
  finishedAt: integer("finished_at", { mode: "timestamp_ms" }),
  status: text("status", { enum: ["running", "done", "failed", "interrupted"] }).notNull(),
  seed: integer("seed").notNull(),
  timeScale: real("time_scale").notNull(),
  trace: text("trace").notNull(),
  config: text("config", { mode: "json" }).notNull(),
  machine: text("machine", { mode: "json" }).notNull(),
  version: text("version").notNull(),
});

/** One function under one system over one window of a trace, once. */
export const cells = sqliteTable("cells", {
  id: integer("id").primaryKey(),
  runId: integer("run_id").notNull(),
  function: text("function").notNull(),
  system: text("system").notNull(),
  /** Name of the window, as figures and tables show it; what it is stands in the run's plan. */
  window: text("window").notNull(),
  /** 0 for the first time, 1 for the second, ... */
  repeat: integer("repeat").notNull(),
  /** Really run, calculated from profiles, or read from results of the original's artifact. */
  mode: text("mode", { enum: ["replay", "simulate", "imported"] }).notNull(),
  /** Length of the window in trace seconds. */
  windowS: real("window_s").notNull(),
  requests: integer("requests").notNull(),
  errors: integer("errors").notNull(),
  p50Ms: real("p50_ms"),
  p95Ms: real("p95_ms"),
  avgLocalBytes: real("avg_local_bytes").notNull(),
  avgRemoteBytes: real("avg_remote_bytes").notNull(),
  coldStarts: integer("cold_starts").notNull(),
  warmStarts: integer("warm_starts").notNull(),
  semiWarmStarts: integer("semi_warm_starts").notNull(),
  memoryMetric: text("memory_metric").notNull(),
  resultHash: text("result_hash").notNull(),
  latenessP99Ms: real("lateness_p99_ms").notNull(),
});

/** What an experiment found that is no cell, by its kind (src/results/documents.ts). */
export const documents = sqliteTable("documents", {
  runId: integer("run_id").notNull(),
  kind: text("kind").notNull(),
  document: text("document", { mode: "json" }).notNull(),
});

/** Results of `faasmem bench`: what this machine can do, input of the simulator. */
export const benches = sqliteTable("benches", {
  id: integer("id").primaryKey(),
  measuredAt: integer("measured_at", { mode: "timestamp_ms" }).notNull(),
  machine: text("machine", { mode: "json" }).notNull(),
  version: text("version").notNull(),
  bench: text("bench", { mode: "json" }).$type<BenchResult>().notNull(),
});

export const requests = sqliteTable("requests", {
  cellId: integer("cell_id").notNull(),
  atS: real("at_s").notNull(),
  latencyMs: real("latency_ms").notNull(),
  start: text("start"),
  status: integer("status").notNull(),
  recalledPages: integer("recalled_pages").notNull(),
  recallFaults: integer("recall_faults").notNull(),
  stallMs: real("stall_ms").notNull(),
  /** `recalledPages` by segment; null where the system has no Puckets. */
  runtimePages: integer("runtime_pages"),
  initPages: integer("init_pages"),
  executionPages: integer("execution_pages"),
});

export const samples = sqliteTable("samples", {
  cellId: integer("cell_id").notNull(),
  atS: real("at_s").notNull(),
  localBytes: real("local_bytes").notNull(),
  remoteBytes: real("remote_bytes").notNull(),
  sandboxes: integer("sandboxes").notNull(),
});

export const heatmaps = sqliteTable("heatmaps", {
  cellId: integer("cell_id").primaryKey(),
  heatmap: text("heatmap", { mode: "json" }).$type<Heatmap>().notNull(),
});

/** The newest profile of each function (src/profile/profile.ts). */
export const profiles = sqliteTable("profiles", {
  function: text("function").primaryKey(),
  measuredAt: integer("measured_at", { mode: "timestamp_ms" }).notNull(),
  machine: text("machine", { mode: "json" }).notNull(),
  version: text("version").notNull(),
  profile: text("profile", { mode: "json" }).$type<FunctionProfile>().notNull(),
});

/** What a function's history keeps over restarts of the worker (src/memory/history.ts). */
export const learnedHistories = sqliteTable("learned", {
  function: text("function").primaryKey(),
  savedAt: integer("saved_at", { mode: "timestamp_ms" }).notNull(),
  history: text("history", { mode: "json" }).notNull(),
});

export type Run = typeof runs.$inferSelect;
export type Cell = Omit<typeof cells.$inferSelect, "id" | "runId">;
export type RequestRecord = Omit<typeof requests.$inferSelect, "cellId">;
export type Sample = Omit<typeof samples.$inferSelect, "cellId">;
