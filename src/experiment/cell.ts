import { z } from "zod";
import { contextsOf } from "../../benchmarks/index.ts";
import { startChild } from "../base/child.ts";
import { FaasmemError } from "../base/errors.ts";
import { quantile } from "../base/quantile.ts";
import { type Frame, heatmapOf, sandboxPages } from "../heatmap/heatmap.ts";
import type { Cell, Sample } from "../results/schema.ts";
import type { CellRecord } from "../results/store.ts";
import { type WorkerStats, workerStats } from "../worker/worker.ts";
import type { CellPlan } from "./plan.ts";
import { type ReplayResult, replay } from "./replay.ts";

/** Real seconds before the first arrival (reference, section 5). */
const WARM_UP_MS = 1000;
const SAMPLE_PERIOD_MS = 500;

const nodeReady = z.object({ gateway: z.string().url() });

/**
 * Starts a fresh node, replays the window against its gateway, and stops the node.
 *
 * @throws FaasmemError CELL_FAILED with the first error when requests failed, CHILD_START, ...
 */
export async function runCell(plan: CellPlan): Promise<CellRecord> {
  const node = await startChild(
    [
      ...[
        "up",
        "--ready-json",
        "--port",
        "0",
        "--system",
        plan.system,
        "--plane",
        plan.plane,
        "--function",
        plan.function,
      ],
      ...["--time-scale", String(plan.timeScale)],
      // Sixteen sandboxes of the largest function: what does not fit would stay local, and not for the policy's sake.
      ...["--pool-size", "16GiB"],
      ...(plan.tracker === undefined ? [] : ["--tracker", plan.tracker]),
      // Every cell learns anew: else the order of the cells would show in the results.
      "--no-learned",
      ...(plan.initWindow === undefined ? [] : ["--window", String(plan.initWindow)]),
      ...(plan.semiWarmDelayS === null ? [] : ["--semi-warm-delay", String(plan.semiWarmDelayS)]),
    ],
    (value) => nodeReady.parse(value).gateway,
  );
  let recorder: ReturnType<typeof recordSamples> | undefined;
  const stop = () => node.process.kill("SIGTERM");
  plan.signal.addEventListener("abort", stop);
  try {
    plan.signal.throwIfAborted();
    await Bun.sleep(WARM_UP_MS);
    const context = contextsOf(plan.function, plan.seed);
    const bodies = plan.arrivals.map(() => JSON.stringify(context()));
    const before = await statsOf(node.ready);
    recorder = recordSamples(node.ready, plan.function, before.uptimeS, plan.heatmap === true);
    const started = performance.now();
    const result = await replay({ url: `${node.ready}/function/${plan.function}`, bodies, ...plan });
    const restMs = (plan.window.windowS * 1000) / plan.timeScale - (performance.now() - started);
    await sleep(restMs, plan.signal);
    const after = await statsOf(node.ready);
    const { samples, frames } = await recorder.stop();
    return {
      cell: measure(plan, before, after, result),
      requests: result.requests,
      samples,
      heatmap: heatmapOf(frames),
    };
  } finally {
    plan.signal.removeEventListener("abort", stop);
    await recorder?.stop();
    await node.stop();
  }
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    signal.throwIfAborted();
    await Bun.sleep(Math.min(100, end - performance.now()));
  }
}

async function statsOf(gateway: string): Promise<WorkerStats> {
  return workerStats.parse(await (await fetch(`${gateway}/stats`)).json());
}

function levelsOf(stats: WorkerStats, name: string): WorkerStats["functions"][number] {
  const levels = stats.functions.find((fn) => fn.name === name);
  if (levels) return levels;
  throw new FaasmemError("CELL_FAILED", `the node knows no function ${name}`, {
    fix: "this is a defect: report it",
  });
}

/** Memory over time: polls the node twice a second. */
function recordSamples(gateway: string, name: string, startS: number, heatmap: boolean) {
  const samples: Sample[] = [];
  const frames: Frame[] = [];
  let stopped = false;
  const loop = (async () => {
    while (!stopped) {
      try {
        const stats = await statsOf(gateway);
        const { localBytes, remoteBytes, sandboxes } = levelsOf(stats, name);
        const atS = stats.uptimeS - startS;
        samples.push({ atS, localBytes, remoteBytes, sandboxes });
        if (!heatmap) continue;
        const { sandbox, local } = sandboxPages.parse(
          await (await fetch(`${gateway}/functions/${name}/pages`)).json(),
        );
        if (sandbox !== null) frames.push({ atS, sandbox, local });
      } catch {
        // a node that is ending: its error shows in the requests
      } finally {
        await Bun.sleep(SAMPLE_PERIOD_MS);
      }
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await loop;
      return { samples, frames };
    },
  };
}

/** The numbers of a cell. Latencies leave out cold starts, which are counted apart. */
export function measure(
  plan: Pick<CellPlan, "function" | "system" | "window" | "repeat">,
  before: WorkerStats,
  after: WorkerStats,
  result: ReplayResult,
): Cell {
  const from = levelsOf(before, plan.function);
  const to = levelsOf(after, plan.function);
  const seconds = after.uptimeS - before.uptimeS;
  const answered = result.requests.filter((request) => request.status === 200 && request.start !== "cold");
  const latencies = answered.map((request) => request.latencyMs);
  return {
    function: plan.function,
    system: plan.system,
    window: plan.window.label,
    repeat: plan.repeat,
    mode: "replay",
    windowS: plan.window.windowS,
    requests: result.requests.length,
    errors: result.requests.filter((request) => request.status !== 200).length,
    p50Ms: quantile(latencies, 0.5) ?? null,
    p95Ms: quantile(latencies, 0.95) ?? null,
    avgLocalBytes: (to.localByteSeconds - from.localByteSeconds) / seconds,
    avgRemoteBytes: (to.remoteByteSeconds - from.remoteByteSeconds) / seconds,
    coldStarts: to.coldStarts - from.coldStarts,
    warmStarts: to.warmStarts - from.warmStarts,
    semiWarmStarts: to.semiWarmStarts - from.semiWarmStarts,
    memoryMetric: after.memoryMetric,
    resultHash: result.resultHash,
    latenessP99Ms: result.latenessP99Ms,
  };
}
