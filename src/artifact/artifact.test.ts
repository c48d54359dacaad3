import { afterAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random } from "../base/random.ts";
import type { Cell } from "../results/schema.ts";
import { openStore } from "../results/store.ts";
import { exportResults } from "./export.ts";
import { importResults } from "./import.ts";
import { matrices } from "./matrices.ts";
import { parseName } from "./names.ts";

const parent = mkdtempSync(join(tmpdir(), "faasmem-test-"));
afterAll(() => rmSync(parent, { recursive: true }));
const newFolder = () => mkdtempSync(join(parent, "folder-"));
const newStore = () => openStore(join(newFolder(), "faasmem.db"));
const START = 1_700_000_000;

/** Writes the two files of a cell as the artifact's test scripts do: requests in the order of their ends. */
function writeCell(
  folder: string,
  [name, trace, start, seconds, system]: [string, number, number, number, string],
  options: { time?: string; requests?: number; seed?: number } = {},
) {
  const { time = "2023-11-08 12_30_15.123456", requests = 40, seed = 1 } = options;
  const next = random(seed);
  const fired = Array.from({ length: requests }, () => START + next() * (seconds - 10)).toSorted();
  const latencies = fired.map(() => 0.05 + next() / 10);
  const order = [...fired.keys()].toSorted((a, b) => fired[a]! + latencies[a]! - fired[b]! - latencies[b]!);
  const rest = `${name}_${trace}_${start}_${seconds}_(${system}).json`;
  const latency = {
    configs: { system: system.split("-")[0], raw_memory: 354, cpu: 0.2, semiwarm_delay: 61 },
    ...{ function_name: name, trace_id: trace, start_idx: start, exp_duration: seconds, args: "" },
    latencies: order.map((i) => latencies[i]!),
    firing_timestamps: order.map((i) => fired[i]!),
    requests_pgmjfault: order.map((i) => i % 7),
  };
  const logs = Array.from({ length: seconds + 16 }, (_, i) =>
    i === 0 ? 0 : 200e6 + Math.round(next() * 1e6),
  );
  const monitor = {
    memory_logs: logs,
    monitor_interval: 1,
    swap_logs: logs.map((_, i) => i / 10),
    rdma_rcv: logs.map(() => "0.125"),
    rdma_xmit: logs.map(() => "0.000"),
    container_nums: logs.map((bytes) => (bytes > 0 ? 2 : 0)),
  };
  const paths = {
    latency: join(folder, `${time}_AzureTraceLatency_${rest}`),
    monitor: join(folder, `${time}_AzureTraceGlobalmonitor_${rest}`),
  };
  writeFileSync(paths.latency, JSON.stringify(latency));
  writeFileSync(paths.monitor, JSON.stringify(monitor));
  return { ...paths, content: { latency, monitor } };
}

function writeBarriers(folder: string, name: string, durations: number[][]) {
  const content = {
    configs: { system: "FaaSMem" },
    function_name: name,
    mglru_durations: durations,
    args: "",
  };
  const path = join(folder, `2023-11-08 12:30:15.123456_MglruDuration_${name}_(FaaSMem).json`);
  writeFileSync(path, JSON.stringify(content));
}

test("names of files say what is in them", () => {
  expect(
    parseName("2023-11-08 12_30_15.1_AzureTraceLatency_graph_bfs_2_502_3600_(FaaSMem-no-MGLRU).json"),
  ).toEqual({
    ...{ kind: "latency", time: "2023-11-08 12_30_15.1", function: "graph", system: "faasmem-no-pucket" },
    ...{ traceFunction: 2, startIndex: 502, windowS: 3600 },
  });
  expect(parseName("2023_AzureTraceLatency_constructor_2_502_3600_(TMO).json")).toMatchObject({
    reason: 'no function "constructor" is known',
  });
  expect(parseName("2023_AzureTraceLatency_bert_2_502_3600_(Other).json")).toMatchObject({
    reason: 'no system "Other" is known',
  });
  expect(parseName("fig11.pdf")).toBeUndefined();
});

test("a cell's files become a cell: units, order of requests, samples from a second before", () => {
  const folder = newFolder();
  const { content } = writeCell(folder, ["html_server", 2, 502, 3600, "FaaSMem"]);
  const store = newStore();
  const result = importResults(folder, store, { matrices });
  expect(result).toMatchObject({ experiment: "benchmarks", cells: 1, skipped: [] });
  const { run, records } = store.loadRun(result.run);
  expect(run).toMatchObject({ experiment: "benchmarks", status: "done", trace: "azure2021" });
  const [record] = records;
  const { memory_logs: logs } = content.monitor;
  expect(record!.cell).toMatchObject({
    ...{ function: "web", system: "faasmem", window: "high", repeat: 0, mode: "imported", windowS: 3600 },
    ...{ requests: 40, errors: 0, memoryMetric: "cgroup" },
    avgLocalBytes: logs.reduce((sum, bytes) => sum + bytes, 0) / logs.length,
  });
  const sorted = content.latency.latencies.toSorted((a, b) => a - b);
  expect(record!.cell.p95Ms!).toBeGreaterThanOrEqual(sorted[37]! * 1000);
  expect(record!.cell.p95Ms!).toBeLessThanOrEqual(sorted[38]! * 1000);
  const at = record!.requests.map((request) => request.atS);
  expect(at[0]).toBe(0);
  expect(at).toEqual(at.toSorted((a, b) => a - b));
  const first = content.latency.firing_timestamps.indexOf(Math.min(...content.latency.firing_timestamps));
  expect(record!.requests[0]).toMatchObject({
    latencyMs: content.latency.latencies[first]! * 1000,
    recallFaults: content.latency.requests_pgmjfault[first]!,
    start: null,
  });
  expect(record!.samples).toHaveLength(3616);
  expect(record!.samples[11]).toMatchObject({
    ...{ atS: 10, localBytes: logs[11]!, remoteBytes: 1.1 * 1024 ** 2, sandboxes: 2 },
  });
});

test("cells of several experiments are one run of their own; --experiment takes those of one", () => {
  const folder = newFolder();
  writeCell(folder, ["bert", 2, 502, 3600, "baseline"]);
  writeCell(folder, ["bert", 4, 0, 3600, "baseline"]);
  writeCell(folder, ["bert", 0, 25011, 60, "DAMON"]);
  writeCell(folder, ["bert", 0, 25011, 3600, "FaaSMem"]);
  const store = newStore();
  const all = importResults(folder, store, { matrices });
  expect(all).toMatchObject({ experiment: "artifact", cells: 4 });
  expect(store.loadRun(all.run).records.map(({ cell }) => cell.window)).toEqual([
    ...["0@25011, 3600 s", "0@25011, 60 s", "2@502", "4@0"],
  ]);
  const some = importResults(folder, store, { matrices, experiment: "workloads" });
  expect(some).toMatchObject({ experiment: "workloads", cells: 2, leftOut: 2 });
  expect(() => importResults(folder, store, { matrices, experiment: "ablation" })).toThrow(
    expect.objectContaining({ code: "NO_RESULTS" }),
  );
  expect(() => importResults(folder, store, { matrices, experiment: "semiwarm" })).toThrow(
    expect.objectContaining({ code: "UNKNOWN_EXPERIMENT", kind: "usage" }),
  );
});

test("the same cell again is its repeat", () => {
  const folder = newFolder();
  for (const hour of [12, 14, 13])
    writeCell(folder, ["bert", 60, 0, 3600, "TMO"], { time: `2023-11-08 ${hour}_00_00`, requests: hour });
  const store = newStore();
  const { run } = importResults(folder, store, { matrices });
  expect(store.loadRun(run).records.map(({ cell }) => [cell.repeat, cell.requests])).toEqual([
    ...[
      [0, 12],
      [1, 13],
      [2, 14],
    ],
  ]);
});

test("bad and lone files are named, the others imported; files of other kinds are passed over", () => {
  const folder = newFolder();
  writeCell(folder, ["bert", 2, 502, 3600, "baseline"]);
  const cut = writeCell(folder, ["bert", 2, 502, 3600, "TMO"]);
  truncateSync(cut.latency, 100);
  const uneven = writeCell(folder, ["bert", 60, 0, 3600, "TMO"]);
  writeFileSync(uneven.latency, JSON.stringify({ ...uneven.content.latency, firing_timestamps: [1] }));
  const negative = writeCell(folder, ["bert", 60, 0, 3600, "baseline"]);
  writeFileSync(negative.monitor, JSON.stringify({ ...negative.content.monitor, memory_logs: [-1] }));
  const renamed = writeCell(folder, ["matmul", 60, 0, 3600, "baseline"]);
  writeFileSync(renamed.latency, JSON.stringify({ ...renamed.content.latency, function_name: "linpack" }));
  const lone = "2023_AzureTraceLatency_bert_60_0_3600_(FaaSMem).json";
  writeFileSync(join(folder, lone), "{}");
  writeFileSync(join(folder, "notes.txt"), "");
  mkdirSync(join(folder, "2023_MglruDuration_bert_(FaaSMem).json"));
  const { cells, skipped } = importResults(folder, newStore(), { matrices });
  expect(cells).toBe(1);
  const reasonOf = (path: string) => skipped.find(({ file }) => path.endsWith(file))!.reason;
  expect(reasonOf(cut.latency)).toContain("no JSON");
  expect(reasonOf(uneven.latency)).toContain("differ in length");
  expect(reasonOf(negative.monitor)).toContain("memory_logs.0");
  expect(reasonOf(negative.latency)).toBe("the other file of its cell is bad");
  expect(reasonOf(renamed.latency)).toBe("function_name is linpack, but its name says matmul");
  expect(reasonOf(lone)).toBe("its AzureTraceGlobalmonitor file is missing");
  expect(skipped).toHaveLength(10);
});

test("a folder without results is an error, and no run is left behind", () => {
  const store = newStore();
  expect(() => importResults(newFolder(), store, { matrices })).toThrow("has no result to import");
  expect(() => importResults("/nowhere", store, { matrices })).toThrow(
    expect.objectContaining({ code: "NO_SUCH_FOLDER", kind: "usage" }),
  );
  expect(store.listRuns()).toEqual([]);
});

test("when the disk is full nothing is stored of any cell", () => {
  const folder = newFolder();
  writeCell(folder, ["bert", 2, 502, 3600, "TMO"], { requests: 10 });
  writeCell(folder, ["web", 2, 502, 3600, "TMO"], { requests: 10 });
  writeCell(folder, ["html_server", 2, 502, 3600, "TMO"], { requests: 20_000 });
  const store = newStore();
  store.sqlite.run("PRAGMA max_page_count = 200");
  const done: number[] = [];
  expect(() => importResults(folder, store, { matrices, onCell: (count) => done.push(count) })).toThrow(
    expect.objectContaining({ code: "DISK_FULL" }),
  );
  expect(done).toEqual([1]);
  expect(store.listRuns()).toEqual([]);
});

test("barriers become the document of the overhead experiment: milliseconds, without the Init Pucket's offload", () => {
  const folder = newFolder();
  writeBarriers(folder, "graph_bfs", [
    [0.004, 0.005, 0.5, 0.006, 0.007],
    [0.003, 0.004, 0.4, 0.005, 0.006],
  ]);
  const store = newStore();
  const { run, experiment } = importResults(folder, store, { matrices });
  expect(experiment).toBe("overhead");
  expect(store.loadDocument(run, "barriers")).toEqual([
    {
      function: "graph",
      sandboxes: [
        { runtimeInitMs: 4, initExecutionMs: 5, rollbackMs: [6, 7] },
        { runtimeInitMs: 3, initExecutionMs: 4, rollbackMs: [5, 6] },
      ],
    },
  ]);
});

/** Exports a run, and imports what was written into another store. */
function roundTrip(store: ReturnType<typeof openStore>, id: number) {
  const out = newFolder();
  const content = store.loadRun(id);
  const exported = exportResults({ ...content, barriers: store.loadDocument(id, "barriers") }, out);
  const other = newStore();
  const { run } = importResults(out, other, { matrices });
  return { ...exported, out, before: content, after: other.loadRun(run), other, run };
}

test("what was imported is exported with the same numbers under the artifact's names", () => {
  const folder = newFolder();
  const files = writeCell(folder, ["json_dumps_loads", 60, 0, 3600, "FaaSMem"]);
  writeBarriers(folder, "bert", [[0.25, 0.5, 1, 0.125]]);
  const store = newStore();
  const { out, before, after, other, run } = roundTrip(store, importResults(folder, store, { matrices }).run);
  expect(after.records).toHaveLength(1);
  expect(after.records[0]!.cell).toEqual(before.records[0]!.cell);
  expect(after.records[0]!.samples).toEqual(before.records[0]!.samples);
  const requests = (record: (typeof after.records)[number]) =>
    record.requests.map(({ atS, latencyMs, recallFaults }) => [
      atS.toFixed(5),
      latencyMs.toFixed(6),
      recallFaults,
    ]);
  expect(requests(after.records[0]!)).toEqual(requests(before.records[0]!));
  expect(other.loadDocument(run, "barriers")).toEqual([
    { function: "bert", sandboxes: [{ runtimeInitMs: 250, initExecutionMs: 500, rollbackMs: [125] }] },
  ]);
  const monitor = readdirSync(out).find((file) => file.includes("Globalmonitor"))!;
  expect(monitor).toMatch(
    /^\d{4}-\d\d-\d\d \d\d_\d\d_\d\d\.\d{6}_AzureTraceGlobalmonitor_json_dumps_loads_60_0_3600_\(FaaSMem\)\.json$/,
  );
  const written = JSON.parse(readFileSync(join(out, monitor), "utf8"));
  expect(written.memory_logs).toEqual(files.content.monitor.memory_logs);
  expect(Object.keys(written)).toEqual(Object.keys(files.content.monitor));
});

test("a run of our own comes back with the same cells; what the artifact cannot name is said", () => {
  const store = newStore();
  const windows = [{ label: "rare", traceFunction: 60, startIndex: 5, windowS: 100 }];
  const id = store.startRun({
    ...{ experiment: "quick", seed: 3, timeScale: 30, trace: "quick", machine: {}, version: "0" },
    config: { windows },
  });
  const cell: Cell = {
    ...{ function: "web", system: "faasmem", window: "rare", repeat: 0, mode: "replay", windowS: 100 },
    ...{ requests: 2, errors: 1, p50Ms: 1.5, p95Ms: null, avgLocalBytes: 1e6, avgRemoteBytes: 2e6 },
    ...{
      coldStarts: 1,
      warmStarts: 1,
      semiWarmStarts: 0,
      memoryMetric: "pss",
      resultHash: "ab",
      latenessP99Ms: 0.4,
    },
  };
  const request = { start: "cold", recalledPages: 9, recallFaults: 4, stallMs: 1 };
  const none = { runtimePages: null, initPages: null, executionPages: null };
  const requests = [
    { ...request, ...none, atS: 0.5, latencyMs: 20, status: 200 },
    { ...request, ...none, atS: 1.5, latencyMs: 30, status: 500 },
  ];
  // Sampled every 15 s of the trace: 30 times as fast.
  const samples = Array.from({ length: 7 }, (_, i) => ({
    ...{ atS: i * 15 + 0.2, localBytes: (i + 1) * 1e6, remoteBytes: i * 1024 ** 2, sandboxes: 1 },
  }));
  const saved: Cell[] = [0, 1].flatMap((repeat) =>
    ["baseline", "faasmem"].map((system) => ({ ...cell, system, repeat })),
  );
  for (const one of [...saved, { ...cell, system: "faasmem-no-recall" }])
    store.saveCell(id, { cell: one, requests, samples });
  store.finishRun(id, "done");
  const { files, leftOut, out, after } = roundTrip(store, id);
  expect(after.run.experiment).toBe("quick");
  const key = (one: Cell) => `${one.system} ${one.repeat}`;
  expect(after.records.map((record) => record.cell).toSorted((a, b) => (key(a) < key(b) ? -1 : 1))).toEqual(
    saved.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)),
  );
  expect(files).toHaveLength(8);
  expect(leftOut).toEqual([
    { what: "web under faasmem-no-recall", reason: "the artifact has no such system" },
  ]);
  const latency = files.find((file) => file.includes("AzureTraceLatency_html_server_60_5_100_(FaaSMem)"))!;
  const { faasmem: _, ...written } = JSON.parse(readFileSync(join(out, latency), "utf8"));
  expect(written).toMatchObject({
    latencies: [0.02],
    requests_pgmjfault: [4],
    exp_duration: 100,
    trace_id: 60,
  });
  const monitor = JSON.parse(readFileSync(join(out, latency.replace("Latency", "Globalmonitor")), "utf8"));
  expect(monitor.memory_logs.slice(0, 3)).toEqual([0, 0, 1e6]);
  expect(monitor.memory_logs.at(-1)).toBe(7e6);
  expect(monitor.memory_logs).toHaveLength(102);
  expect(monitor.swap_logs.at(-1)).toBe(6);
  expect([monitor.rdma_rcv, monitor.rdma_xmit]).toEqual([[], []]);
});
