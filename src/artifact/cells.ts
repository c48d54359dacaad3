import { quantile } from "../base/quantile.ts";
import type { Cell, RequestRecord, Sample } from "../results/schema.ts";
import type { CellRecord } from "../results/store.ts";
import type { LatencyFile, MonitorFile } from "./files.ts";
import type { CellName } from "./names.ts";

const MIB = 1024 ** 2;
/** The artifact's monitor starts this long before the first arrival (reference, section 5). */
const WARM_UP_S = 1;

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * The numbers of a cell as the artifact's own draw scripts take them: percentiles over all requests, cold starts
 * among them (its files do not tell them apart), and the mean of all memory samples.
 */
export function cellOf(
  name: CellName,
  place: { window: string; repeat: number },
  latency: LatencyFile,
  monitor: MonitorFile,
): Cell {
  if (latency.faasmem) return { ...latency.faasmem.cell, ...place };
  const milliseconds = latency.latencies.map((seconds) => seconds * 1000);
  return {
    function: name.function,
    system: name.system,
    ...place,
    mode: "imported",
    windowS: name.windowS,
    requests: milliseconds.length,
    errors: 0,
    p50Ms: quantile(milliseconds, 0.5) ?? null,
    p95Ms: quantile(milliseconds, 0.95) ?? null,
    avgLocalBytes: mean(monitor.memory_logs),
    avgRemoteBytes: monitor.swap_logs.length > 0 ? mean(monitor.swap_logs) * MIB : 0,
    coldStarts: 0,
    warmStarts: 0,
    semiWarmStarts: 0,
    memoryMetric: "cgroup",
    resultHash: "",
    latenessP99Ms: 0,
  };
}

/** Everything of a cell: requests by their start, samples from a second before the first of them. */
export function recordOf(cell: Cell, latency: LatencyFile, monitor: MonitorFile): CellRecord {
  const first = latency.firing_timestamps.reduce(
    (least, at) => Math.min(least, at),
    Number.POSITIVE_INFINITY,
  );
  const requests = latency.latencies.map((seconds, i): RequestRecord => {
    const faults = latency.requests_pgmjfault[i]!;
    return {
      atS: latency.firing_timestamps[i]! - first,
      latencyMs: seconds * 1000,
      start: null,
      status: 200,
      // Each major fault brought back one page at least; how many more, the files do not tell.
      recalledPages: faults,
      recallFaults: faults,
      stallMs: 0,
      runtimePages: null,
      initPages: null,
      executionPages: null,
    };
  });
  requests.sort((a, b) => a.atS - b.atS);
  const samples = monitor.memory_logs.map(
    (localBytes, i): Sample => ({
      atS: i * monitor.monitor_interval - WARM_UP_S,
      localBytes,
      remoteBytes: (monitor.swap_logs[i] ?? 0) * MIB,
      sandboxes: monitor.container_nums[i] ?? 0,
    }),
  );
  return { cell, requests, samples };
}

/** Our samples, whenever they were taken, as the artifact's monitor would have had them: the last value at each second. */
export function monitorOf(samples: readonly Sample[], windowS: number): MonitorFile {
  const sorted = samples.toSorted((a, b) => a.atS - b.atS);
  const end = Math.max(Math.ceil(windowS), Math.floor(sorted.at(-1)?.atS ?? 0));
  const monitor: MonitorFile = {
    memory_logs: [],
    monitor_interval: 1,
    swap_logs: [],
    rdma_rcv: [],
    rdma_xmit: [],
    container_nums: [],
  };
  let next = 0;
  let last: Sample | undefined;
  for (let second = -WARM_UP_S; second <= end; second++) {
    while (next < sorted.length && sorted[next]!.atS <= second) last = sorted[next++];
    monitor.memory_logs.push(last?.localBytes ?? 0);
    monitor.swap_logs.push((last?.remoteBytes ?? 0) / MIB);
    monitor.container_nums.push(last?.sandboxes ?? 0);
  }
  return monitor;
}

/** The latency file of a cell. Requests that failed are left out: the artifact records answers only. */
export function latencyOf(
  record: CellRecord,
  name: CellName,
  artifactFunction: string,
  about: { experiment: string; startedAt: Date; configs: Record<string, unknown> },
): LatencyFile {
  const answered = record.requests.filter((request) => request.status === 200);
  const startS = about.startedAt.getTime() / 1000;
  return {
    configs: about.configs,
    function_name: artifactFunction,
    trace_id: name.traceFunction,
    start_idx: name.startIndex,
    exp_duration: name.windowS,
    args: "",
    latencies: answered.map((request) => request.latencyMs / 1000),
    firing_timestamps: answered.map((request) => startS + request.atS),
    requests_pgmjfault: answered.map((request) => request.recallFaults),
    faasmem: { experiment: about.experiment, cell: record.cell },
  };
}
