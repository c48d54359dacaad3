import { benchmarks } from "../../benchmarks/index.ts";
import { FaasmemError } from "../base/errors.ts";
import { median } from "../base/quantile.ts";
import { random } from "../base/random.ts";
import { measure } from "../experiment/cell.ts";
import type { CellPlan } from "../experiment/plan.ts";
import { OffloadBandwidth } from "../memory/bandwidth.ts";
import { policySettings } from "../memory/settings.ts";
import { isUnmanaged, resolvePolicy } from "../memory/systems.ts";
import type { ModelLatency } from "../profile/model.ts";
import type { RequestRecord, Sample } from "../results/schema.ts";
import type { CellRecord } from "../results/store.ts";
import { MEMORY_METRIC } from "../sandbox/memory-usage.ts";
import { FunctionPool, type Invocation, MOST_SANDBOXES } from "../worker/pool.ts";
import type { WorkerStats } from "../worker/worker.ts";
import { VirtualClock } from "./clock.ts";
import { Cores } from "./cores.ts";
import type { SimulatorInputs } from "./inputs.ts";
import { Latency } from "./latency.ts";
import { beginning } from "./life.ts";
import { SimulatedNode } from "./node.ts";
import { type SandboxWorld, SimulatedSandbox } from "./sandbox.ts";

/** Real seconds between two samples of a replay, and how many samples of a long window are worth keeping. */
const SAMPLE_PERIOD_S = 0.5;
const MOST_SAMPLES = 1000;
/** Processes of this program beside sandboxes: who sends the requests, and the worker; and the memory server. */
const OTHERS = 2;

/**
 * Calculates a cell: the pool and the policies that run in production, on a virtual clock, with sandboxes that relive what
 * was profiled. The same plan gives the same result.
 *
 * @throws FaasmemError NO_PROFILE, UNKNOWN_SYSTEM, BAD_POLICY
 */
export async function simulateCell(plan: CellPlan, inputs: SimulatorInputs): Promise<CellRecord> {
  const { profile, lives } = inputs.functionOf(plan.function);
  const { model } = profile;
  const policy = await resolvePolicy(plan.system);
  const managed = !isUnmanaged(plan.system);
  const clock = new VirtualClock(plan.timeScale);
  const node = new SimulatedNode(clock, {
    unmanagedBytes: model.unmanagedBytes,
    files: model.files,
    others: managed ? OTHERS + 1 : OTHERS,
  });
  // Without an engine a start was measured at the client; with one, at the sandbox.
  const coldMs = managed ? profile.coldStartMs : model.latency.coldMs - usualAdded(model.latency);
  const launchMs = Math.max(0, coldMs - profile.initMs - beginning(lives).steps[0]!.durationMs);
  const next = random(plan.seed);
  const latency = new Latency(model.latency, next);
  const world: SandboxWorld = {
    clock,
    cores: new Cores(clock, model.latency.slowdown, inputs.costs.cores),
    costs: inputs.costs,
    node,
    latency,
    times: { launchMs, initMs: profile.initMs },
    managed,
  };
  const benchmark = benchmarks[plan.function];
  const pool = new FunctionPool(
    {
      name: plan.function,
      modulePath: "",
      quotaMiB: benchmark?.quotaMiB ?? 0,
      initWindow: benchmark?.initWindow ?? 1,
    },
    {
      clock,
      engine: null,
      system: plan.system,
      policy,
      settings: policySettings.parse({
        semiWarmDelayS: plan.semiWarmDelayS,
        initWindow: plan.initWindow ?? null,
      }),
      bandwidth: new OffloadBandwidth(clock),
      learned: null,
      warn: (line) => console.error(`faasmem: ${line}`),
      maxSandboxes: MOST_SANDBOXES,
      cgroups: null,
      runFolder: "",
      hostPath: "",
      start: (options) => SimulatedSandbox.start(options, world, lives, next()),
    },
  );
  const requests = await replay(plan, clock, pool, node, latency);
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
      pool.invoke(null).then(
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

/** What the node adds to requests that come at once after each other; median. */
const usualAdded = ({ alone }: ModelLatency): number =>
  median(alone[0]!.requests.map(({ addedMs }) => addedMs));

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
