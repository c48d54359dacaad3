import { readFileSync, statSync } from "node:fs";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { modes } from "../experiment/plan.ts";
import type { Cell } from "../results/schema.ts";

/** An eight-hour window of the busiest function is some megabytes; more is no result file. */
const MOST_BYTES = 256 * 1024 ** 2;

const amount = z.number().min(0);
const count = z.number().int().min(0);

/** What our own exports add, so that reading them back loses nothing of a cell; the artifact's scripts do not look at it. */
const ownCell = z.object({
  experiment: z.string().min(1),
  cell: z.object({
    function: z.string(),
    system: z.string(),
    window: z.string().min(1),
    repeat: count,
    mode: z.enum([...modes, "imported"]),
    windowS: amount,
    requests: count,
    errors: count,
    p50Ms: amount.nullable(),
    p95Ms: amount.nullable(),
    avgLocalBytes: amount,
    avgRemoteBytes: amount,
    coldStarts: count,
    warmStarts: count,
    semiWarmStarts: count,
    memoryMetric: z.string(),
    resultHash: z.string(),
    latenessP99Ms: amount,
  }) satisfies z.ZodType<Cell>,
});

/** `..._AzureTraceLatency_...`: seconds, unix seconds, major faults; one entry of each for a request. */
export const latencyFile = z
  .object({
    configs: z.record(z.string(), z.unknown()),
    function_name: z.string(),
    trace_id: count,
    start_idx: count,
    exp_duration: z.number().positive(),
    args: z.unknown(),
    latencies: z.array(amount).min(1, "no request"),
    firing_timestamps: z.array(amount),
    requests_pgmjfault: z.array(count),
    faasmem: ownCell.optional(),
  })
  .refine(
    (file) =>
      file.firing_timestamps.length === file.latencies.length &&
      file.requests_pgmjfault.length === file.latencies.length,
    "latencies, firing_timestamps and requests_pgmjfault differ in length",
  );

/** Rates are texts of MB/s. */
const rates = z.array(z.union([z.string(), z.number()]));

/** `..._AzureTraceGlobalmonitor_...`: bytes, MiB and containers at each interval. Lists that were not recorded are empty. */
export const monitorFile = z.object({
  memory_logs: z.array(amount).min(1, "no sample of memory"),
  monitor_interval: z.number().positive(),
  swap_logs: z.array(amount),
  rdma_rcv: rates,
  rdma_xmit: rates,
  container_nums: z.array(count),
});

/**
 * `..._MglruDuration_...`: for each container runtime barrier, init barrier, the offload of the Init Pucket (null: not
 * measured), then rollbacks; seconds.
 */
export const barriersFile = z.object({
  configs: z.record(z.string(), z.unknown()),
  function_name: z.string(),
  args: z.unknown(),
  mglru_durations: z
    .array(z.tuple([amount, amount], amount.nullable()))
    .min(1, "no container")
    .max(100_000),
});

export type LatencyFile = z.infer<typeof latencyFile>;
export type MonitorFile = z.infer<typeof monitorFile>;
export type BarriersFile = z.infer<typeof barriersFile>;

/**
 * Reads one result file.
 * @throws FaasmemError BAD_RESULT_FILE with what is wrong with it
 */
export function readResult<T>(path: string, schema: z.ZodType<T>): T {
  const bad = (reason: string, cause?: unknown) =>
    new FaasmemError("BAD_RESULT_FILE", reason, {
      fix: "give files as the artifact's test scripts write them",
      cause,
    });
  const { size } = statSync(path);
  if (size > MOST_BYTES) throw bad(`${size} bytes are more than a result file has (${MOST_BYTES})`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw bad(`no JSON: ${(error as Error).message}`, error);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  throw bad(`${first!.path.length > 0 ? `${first!.path.join(".")}: ` : ""}${first!.message}`);
}
