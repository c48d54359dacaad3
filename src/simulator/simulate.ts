import { contextsOf } from "../../benchmarks/index.ts";
import { FaasmemError } from "../base/errors.ts";
import { measure } from "../experiment/cell.ts";
import type { CellPlan } from "../experiment/plan.ts";
import type { RequestRecord, Sample } from "../results/schema.ts";
import type { CellRecord } from "../results/store.ts";
import { MEMORY_METRIC } from "../sandbox/memory-usage.ts";
import type { FunctionPool, Invocation } from "../worker/pool.ts";
import type { WorkerStats } from "../worker/worker.ts";
import type { VirtualClock } from "./clock.ts";
import { functionNode } from "./function-node.ts";
import type { SimulatorInputs } from "./inputs.ts";
import type { Latency } from "./latency.ts";
import type { SimulatedNode } from "./node.ts";

/** Real seconds between two samples of a replay, and how many samples of a long window are worth keeping. */
const SAMPLE_PERIOD_S = 0.5;
const MOST_SAMPLES = 1000;

/**
 * Calculates a cell: the pool and the policies that run in production, on a virtual clock, with sandboxes that relive what
 * was profiled. The same plan and luck give the same result.
 *
 * @param luck which of the things that happen in a replay by chance happen: its inputs are the plan's, always
 * @throws FaasmemError NO_PROFILE, UNKNOWN_SYSTEM, BAD_POLICY
 */
export async function simulateCell(plan: CellPlan, inputs: SimulatorInputs, luck = 0): Promise<CellRecord> {
  const { clock, node, pool, latency, managed } = await functionNode(
    {
      name: plan.function,
      system: plan.system,
      timeScale: plan.timeScale,
      seed: plan.seed,
      luck,
      settings: { semiWarmDelayS: plan.semiWarmDelayS, initWindow: plan.initWindow ?? null },
    },
    inputs,
  );
  const requests = await replay(plan, contextsOf(plan.function, plan.seed), clock, pool, node, latency);
  const stats = (): WorkerStats => ({
    memoryMetric: MEMORY_METRIC,
    uptimeS: clock.now(),
    poolAlive: managed,
    functions: [
      {
        name: plan.function,
        sandboxes: node.sandboxes,
        localBytes: node.localBytes,
        remoteBytes: node.remoteBytes,
        ...node.integrals(),
        ...pool.counts,
      },
    ],
  });
  const nothing = {
    localByteSeconds: 0,
    remoteByteSeconds: 0,
    coldStarts: 0,
    warmStarts: 0,
    semiWarmStarts: 0,
  };
  const after = stats();
  const before = { ...after, uptimeS: 0, functions: [{ ...after.functions[0]!, ...nothing }] };
  const result = { requests: requests.records, resultHash: "", latenessP99Ms: 0, firstError: undefined };
  return {
    cell: { ...measure(plan, before, after, result), mode: "simulate" },
    requests: requests.records,
    samples: requests.samples,
    heatmap: null,
  };
}

/** Lets the arrivals come, and goes on to the window's end and the last answer. */
async function replay(
  plan: CellPlan,
  context: () => unknown,
  clock: VirtualClock,
  pool: FunctionPool,
  node: SimulatedNode,
  latency: Latency,
): Promise<{ records: RequestRecord[]; samples: Sample[] }> {
  const records: RequestRecord[] = new Array(plan.arrivals.length);
  let answered = 0;
  let lastEndMs = Number.NEGATIVE_INFINITY;
  const arrive = (index: number) => {
    const atS = plan.arrivals[index];
    if (atS === undefined) return;
    clock.after(atS - clock.now(), () => {
      const sentMs = clock.realMs();
      const addedMs = latency.addedMs(sentMs - lastEndMs);
      const answer = (status: number, invocation: Invocation | null) => {
        lastEndMs = clock.realMs();
        records[index] = recordOf(atS, lastEndMs - sentMs + addedMs, status, invocation);
        answered++;
        plan.onAnswer?.();
      };
      pool.invoke(context()).then(
        (invocation) => answer(200, invocation),
        (error) => answer(error instanceof FaasmemError && error.code === "OVERLOADED" ? 503 : 500, null),
      );
      arrive(index + 1);
    });
  };
  arrive(0);
  const samples: Sample[] = [];
  const period = Math.max(SAMPLE_PERIOD_S * plan.timeScale, plan.window.windowS / MOST_SAMPLES);
  const sample = () => {
    samples.push({
      atS: clock.now(),
      localBytes: node.localBytes,
      remoteBytes: node.remoteBytes,
      sandboxes: node.sandboxes,
    });
    clock.after(period, sample);
  };
  sample();
  await clock.run(plan.window.windowS, plan.signal);
  await clock.run(Number.POSITIVE_INFINITY, plan.signal, () => answered === plan.arrivals.length);
  return { records, samples };
}

function recordOf(atS: number, latencyMs: number, status: number, answer: Invocation | null): RequestRecord {
  return {
    atS,
    latencyMs,
    start: answer?.start ?? null,
    status,
    recalledPages: answer?.recalledPages ?? 0,
    recallFaults: answer?.recallFaults ?? 0,
    stallMs: answer?.stallMs ?? 0,
    runtimePages: answer?.segments?.runtime ?? null,
    initPages: answer?.segments?.init ?? null,
    executionPages: answer?.segments?.execution ?? null,
  };
}
