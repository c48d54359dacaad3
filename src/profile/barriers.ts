import { contextsOf } from "../../benchmarks/index.ts";
import { assets } from "../assets.ts";
import { createClock } from "../base/clock.ts";
import { OffloadBandwidth } from "../memory/bandwidth.ts";
import { FunctionHistory } from "../memory/history.ts";
import type { Policy } from "../memory/policy.ts";
import { RequestsFirst } from "../memory/requests-first.ts";
import { type PolicySettings, policySettings } from "../memory/settings.ts";
import { policyOf } from "../memory/systems.ts";
import { builtInFunction, unpack } from "../node/functions.ts";
import type { MemoryEngine, SandboxSpace } from "../sandbox/attachment.ts";
import { Sandbox } from "../sandbox/sandbox.ts";

/** What time barriers took in one sandbox, in milliseconds. */
export interface BarrierCosts {
  runtimeInitMs: number;
  initExecutionMs: number;
  rollbackMs: number[];
}

/** Policy time runs so fast that a rollback is due after each request. */
const TIME_SCALE = 1000;
/** One request closes the window, the next one finds that a rollback is due. */
const REQUESTS_EACH = 2;
/** After a request the policy works for a while, off the request's path: nothing has left for so long when it is done. */
const SETTLE_MS = 100;

async function settled(space: SandboxSpace): Promise<void> {
  for (let before = -1; before !== space.stats().evictedPages; ) {
    before = space.stats().evictedPages;
    await Bun.sleep(SETTLE_MS);
  }
}

/**
 * Runs one real sandbox under `faasmem` until its hot pages were rolled back so many times.
 * @throws FaasmemError UNKNOWN_FUNCTION, SANDBOX_START, FUNCTION_ERROR, ...
 */
export async function measureBarriers(
  name: string,
  options: { engine: MemoryEngine; runFolder: string; seed: number; rollbacks: number },
): Promise<BarrierCosts> {
  const { engine, runFolder, seed, rollbacks } = options;
  const spec = await builtInFunction(name, runFolder);
  const clock = createClock(TIME_SCALE);
  const settings: PolicySettings = policySettings.parse({ initWindow: 1, rollbackS: 1, reclaimIntervalS: 0 });
  const took: BarrierCosts = { runtimeInitMs: 0, initExecutionMs: 0, rollbackMs: [] };
  let policy: Policy | undefined;
  const sandbox: Sandbox = await Sandbox.start({
    name: `barriers-${name}-${seed}`,
    runFolder,
    hostPath: await unpack(assets.host, `${runFolder}/host.js`),
    modulePath: spec.modulePath,
    environment: (await spec.environment?.()) ?? {},
    attachment: engine.prepare(),
    onReady: async (memory) => {
      policy = policyOf("faasmem")({
        ...{ memory: memory!, clock, settings, history: new FunctionHistory() },
        bandwidth: new OffloadBandwidth(clock, undefined),
        requests: new RequestsFirst(clock),
        onBarrier: (barrier, ms) => {
          if (barrier === "runtime-init") took.runtimeInitMs = ms;
          else if (barrier === "init-execution") took.initExecutionMs = ms;
          else if (took.rollbackMs.length < rollbacks) took.rollbackMs.push(ms);
        },
      });
      await policy.ready();
    },
    onLoaded: () => policy!.loaded(),
  });
  try {
    const context = contextsOf(name, seed);
    for (let i = 0; i < REQUESTS_EACH * rollbacks && took.rollbackMs.length < rollbacks; i++) {
      policy!.requestStart();
      await sandbox.run(context());
      policy!.requestEnd(await sandbox.space!.takeRecalled());
      await settled(sandbox.space!);
    }
    return took;
  } finally {
    policy?.close();
    await sandbox.stop();
  }
}
