import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FunctionProfile } from "../profile/profile.ts";
import type { Trace } from "../trace/trace.ts";
import { migrations } from "./migrations.ts";
import type { Cell, RequestRecord } from "./schema.ts";
import { openStore } from "./store.ts";

const folder = mkdtempSync(join(tmpdir(), "faasmem-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const newPath = () => join(mkdtempSync(join(folder, "store-")), "faasmem.db");

const trace: Trace = {
  name: "two",
  source: "a test",
  spanS: 7.5,
  functions: [
    { id: "a/g", arrivals: Float64Array.of(0.25, 7.5), durations: Float64Array.of(0.1, 0.2) },
    { id: "a/f", arrivals: Float64Array.of(3), durations: Float64Array.of(1) },
  ],
};

const cell: Cell = {
  function: "web",
  system: "faasmem",
  window: "rare",
  repeat: 0,
  mode: "replay",
  windowS: 600,
  requests: 2,
  errors: 0,
  p50Ms: 1.5,
  p95Ms: null,
  avgLocalBytes: 1e6,
  avgRemoteBytes: 2e6,
  coldStarts: 1,
  warmStarts: 1,
  semiWarmStarts: 0,
  memoryMetric: "pss",
  resultHash: "00",
  latenessP99Ms: 0.4,
};

const run = {
  experiment: "quick",
  seed: 1,
  timeScale: 30,
  trace: "quick",
  config: { a: 1 },
  machine: {},
  version: "0",
};

test("traces come back as they went, and only --replace overwrites one", () => {
  const store = openStore(newPath());
  store.saveTrace(trace);
  expect(store.loadTrace("two")).toEqual(trace);
  expect(() => store.saveTrace(trace)).toThrow("already");
  store.saveTrace({ ...trace, spanS: 8 }, { replace: true });
  expect(store.loadTrace("two").spanS).toBe(8);
  store.removeTrace("two");
  expect(() => store.loadTrace("two")).toThrow('no trace "two"');
});

const request: RequestRecord = {
  atS: 1,
  latencyMs: 1,
  start: null,
  status: 200,
  recalledPages: 0,
  recallFaults: 0,
  stallMs: 0,
  runtimePages: null,
  initPages: null,
  executionPages: null,
};

test("runs come back with their cells, requests and samples, after a restart too", () => {
  const path = newPath();
  const first = openStore(path);
  const id = first.startRun(run);
  const requests = [{ ...request, latencyMs: 2, start: "cold", recalledPages: 3, initPages: 2 }];
  const samples = Array.from({ length: 2500 }, (_, i) => ({
    atS: i,
    localBytes: i,
    remoteBytes: 0,
    sandboxes: 1,
  }));
  first.saveCell(id, { cell, requests, samples });
  first.finishRun(id, "done");
  first.close();
  const loaded = openStore(path).loadRun();
  expect(loaded.run).toMatchObject({ id, status: "done", config: { a: 1 } });
  expect(loaded.records[0]!.cell).toEqual(cell);
  expect(loaded.records[0]!.requests[0]).toMatchObject(requests[0]!);
  expect(loaded.records[0]!.samples).toHaveLength(2500);
});

test("a result is stored whole or not at all", () => {
  const store = openStore(newPath());
  const id = store.startRun(run);
  const bad = [{ ...request, latencyMs: null as unknown as number }];
  expect(() => store.saveCell(id, { cell, requests: bad, samples: [] })).toThrow();
  expect(store.loadRun(id).records).toEqual([]);
});

test("a full disk is one clear error, and nothing of the result remains", () => {
  const path = newPath();
  const store = openStore(path);
  const id = store.startRun(run);
  // SQLite's own limit of the file's size fails in the same way as a full disk.
  store.sqlite.run("PRAGMA max_page_count = 30");
  const samples = Array.from({ length: 20_000 }, (_, i) => ({
    atS: i,
    localBytes: i,
    remoteBytes: 0,
    sandboxes: 1,
  }));
  expect(() => store.saveCell(id, { cell, requests: [], samples })).toThrow(
    expect.objectContaining({ code: "DISK_FULL" }),
  );
  expect(store.loadRun(id).records).toEqual([]);
});

test("a full disk in the middle of a trace leaves nothing of it, and the older one of its name", () => {
  const store = openStore(newPath());
  store.saveTrace(trace);
  store.sqlite.run("PRAGMA max_page_count = 40");
  const large = Array.from({ length: 20 }, (_, i) => ({
    ...{ id: `f${i}`, arrivals: new Float64Array(2000), durations: new Float64Array(2000) },
  }));
  expect(() => store.saveTrace({ ...trace, functions: large }, { replace: true })).toThrow(
    expect.objectContaining({ code: "DISK_FULL" }),
  );
  expect(store.loadTrace("two")).toEqual(trace);
});

test("the database is private, and one of a newer version is refused", () => {
  const path = newPath();
  openStore(path).close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const sqlite = new Database(path);
  sqlite.run("PRAGMA user_version = 999");
  sqlite.close();
  expect(() => openStore(path)).toThrow(expect.objectContaining({ code: "NEWER_DATABASE" }));
});

test("commands that are the first ones at the same time make one database", async () => {
  const path = newPath();
  // All of them wait for the same moment, so that they meet.
  const program = `
    import { openStore } from ${JSON.stringify(new URL("./store.ts", import.meta.url).pathname)};
    await Bun.sleep(${Date.now() + 1000} - Date.now());
    openStore(${JSON.stringify(path)}).close();`;
  const children = Array.from({ length: 8 }, () =>
    Bun.spawn([process.execPath, "-e", program], { stdout: "ignore", stderr: "pipe" }),
  );
  for (const child of children) expect(await child.stderr.text()).toBe("");
  expect(await Promise.all(children.map(({ exited }) => exited))).toEqual(Array(8).fill(0));
});

test("results of the schema before windows keep their requests, and get the window's name and length", () => {
  const path = newPath();
  const sqlite = new Database(path);
  for (const statements of migrations.slice(0, 4)) sqlite.run(statements);
  sqlite.run("PRAGMA user_version = 4");
  sqlite.run(
    `INSERT INTO runs VALUES (5, 'quick', 1, 2, 'done', 1, 30, 'mine', '{"windowS":900}', '{}', '0');
     INSERT INTO cells VALUES (9, 5, 'web', 'faasmem', 1, 0, 1, 2, 3, 4, 1, 0, 0, 'pss', 'aa', 0.5);
     INSERT INTO requests (cell_id, at_s, latency_ms, start, status, recalled_pages) VALUES (9, 1, 2, 'cold', 200, 7);
     INSERT INTO samples VALUES (9, 1, 2, 3, 1);`,
  );
  sqlite.close();
  const { records } = openStore(path).loadRun(5);
  expect(records[0]!.cell).toMatchObject({
    window: "mine",
    repeat: 0,
    mode: "replay",
    windowS: 900,
    p95Ms: 2,
  });
  expect(records[0]!.requests).toHaveLength(1);
  expect(records[0]!.samples).toHaveLength(1);
  openStore(path).sqlite.run("DELETE FROM runs WHERE id = 5");
  expect(new Database(path).query("SELECT COUNT(*) AS n FROM requests").get()).toEqual({ n: 0 });
});

test("documents and benches come back; a document is kept once", () => {
  const store = openStore(newPath());
  const id = store.startRun(run);
  expect(store.loadDocument(id, "barriers")).toBeNull();
  store.saveDocument(id, "barriers", []);
  const barriers = [
    { function: "web", sandboxes: [{ runtimeInitMs: 1, initExecutionMs: 2, rollbackMs: [3] }] },
  ];
  store.saveDocument(id, "barriers", barriers);
  expect(store.loadDocument(id, "barriers")).toEqual(barriers);
  expect(store.loadBench()).toBeNull();
});

test("unknown runs are usage errors", () => {
  const store = openStore(newPath());
  expect(() => store.loadRun()).toThrow(expect.objectContaining({ code: "UNKNOWN_RUN", kind: "usage" }));
  expect(() => store.loadRun(7)).toThrow("no run 7");
});

test("the newest profile of each function is kept", () => {
  const store = openStore(newPath());
  const same = { min: 1, median: 2, max: 3 };
  const segment = { pages: 10, touched: same };
  const profile = (name: string, coldStartMs: number): FunctionProfile => ({
    function: name,
    requests: 3,
    seed: 1,
    tracker: "ebpf",
    coldStartMs,
    initMs: 5,
    residentBytes: { launch: 1, init: 2, firstRequest: 3 },
    segments: { runtime: segment, init: segment, execution: segment },
    durationMs: same,
    cpuMs: same,
  });
  for (const one of [profile("web", 1), profile("graph", 2), profile("web", 3)])
    store.saveProfile(one, { machine: { cpu: "x" }, version: "1" });
  expect(store.listProfiles().map((row) => row.profile)).toEqual([profile("graph", 2), profile("web", 3)]);
  expect(store.listProfiles()[0]).toMatchObject({ machine: { cpu: "x" }, version: "1" });
  store.close();
});
