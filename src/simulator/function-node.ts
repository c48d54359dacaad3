import { benchmarks } from "../../benchmarks/index.ts";
import { median } from "../base/quantile.ts";
import { random } from "../base/random.ts";
import { OffloadBandwidth } from "../memory/bandwidth.ts";
import { RequestsFirst } from "../memory/requests-first.ts";
import { type PolicySettings, policySettings } from "../memory/settings.ts";
import { isUnmanaged, resolvePolicy } from "../memory/systems.ts";
import type { ModelLatency } from "../profile/model.ts";
import { FunctionPool, MOST_SANDBOXES } from "../worker/pool.ts";
import { VirtualClock } from "./clock.ts";
import { Cores } from "./cores.ts";
import type { SimulatorInputs } from "./inputs.ts";
import { Latency } from "./latency.ts";
import { beginning } from "./life.ts";
import { SimulatedNode } from "./node.ts";
import { type SandboxWorld, SimulatedSandbox } from "./sandbox.ts";

/** Processes of this program beside sandboxes: who sends the requests, and the worker; and the memory server. */
const OTHERS = 2;
/** Between the random seeds of one seed's simulations: more than there are repeats, which count theirs up by one. */
const LUCK = 1_000_003;

export interface FunctionNode {
  clock: VirtualClock;
  node: SimulatedNode;
  pool: FunctionPool;
  latency: Latency;
  /** Does a policy see its memory? */
  managed: boolean;
}

/**
 * One function on a node of its own: the pool and the policy that run in production, on a virtual clock, with sandboxes
 * that relive what was profiled.
 *
 * @param options.luck another one with the same seed, which decides the same things anew
 * @param options.maxSandboxes default: as `faasmem up` has it
 * @throws FaasmemError NO_PROFILE, UNKNOWN_SYSTEM, BAD_POLICY
 */
export async function functionNode(
  options: {
    name: string;
    system: string;
    timeScale: number;
    seed: number;
    luck?: number;
    settings: Partial<PolicySettings>;
    maxSandboxes?: number;
  },
  inputs: SimulatorInputs,
): Promise<FunctionNode> {
  const { name, system, luck = 0 } = options;
  const { profile, lives } = inputs.functionOf(name);
  const { model } = profile;
  const policy = await resolvePolicy(system);
  const managed = !isUnmanaged(system);
  const clock = new VirtualClock(options.timeScale);
  const node = new SimulatedNode(clock, {
    unmanagedBytes: model.unmanagedBytes,
    files: model.files,
    others: managed ? OTHERS + 1 : OTHERS,
  });
  // Without an engine a start was measured at the client; with one, at the sandbox.
  const measured = model.latencies[(options.seed + luck) % model.latencies.length]!;
  const coldMs = managed ? profile.coldStartMs : measured.coldMs - usualAdded(measured);
  const launchMs = Math.max(0, coldMs - profile.initMs - beginning(lives).steps[0]!.durationMs);
  const next = random(options.seed + luck * LUCK);
  const latency = new Latency(measured, next);
  const world: SandboxWorld = {
    clock,
    cores: new Cores(clock, measured.slowdown, inputs.costs.cores),
    costs: inputs.costs,
    node,
    latency,
    times: { launchMs, initMs: profile.initMs },
    managed,
  };
  const benchmark = benchmarks[name];
  const pool = new FunctionPool(
    {
      name,
      modulePath: "",
      quotaMiB: benchmark?.quotaMiB ?? 0,
      initWindow: benchmark?.initWindow ?? 1,
    },
    {
      clock,
      engine: null,
      system,
      policy,
      settings: policySettings.parse(options.settings),
      bandwidth: new OffloadBandwidth(clock),
      requests: new RequestsFirst(clock),
      learned: null,
      warn: (line) => console.error(`faasmem: ${line}`),
      maxSandboxes: options.maxSandboxes ?? MOST_SANDBOXES,
      cgroups: null,
      runFolder: "",
      hostPath: "",
      start: (start) => SimulatedSandbox.start(start, world, lives, next()),
    },
  );
  return { clock, node, pool, latency, managed };
}

/** What the node adds to requests that come at once after each other; median. */
const usualAdded = ({ alone }: ModelLatency): number =>
  median(alone[0]!.requests.map(({ addedMs }) => addedMs));
