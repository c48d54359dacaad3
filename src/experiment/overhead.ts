import { benchmarks } from "../../benchmarks/index.ts";
import { assets } from "../assets.ts";
import { createClock } from "../base/clock.ts";
import { random } from "../base/random.ts";
import { OffloadBandwidth } from "../memory/bandwidth.ts";
import { FunctionHistory } from "../memory/history.ts";
import type { Policy } from "../memory/policy.ts";
import { type PolicySettings, policySettings } from "../memory/settings.ts";
import { policyOf } from "../memory/systems.ts";
import { builtInFunction, unpack } from "../node/functions.ts";
import { withEngine } from "../node/with-engine.ts";
import type { Documents } from "../results/documents.ts";
import type { MemoryEngine, SandboxSpace } from "../sandbox/attachment.ts";
import { Sandbox } from "../sandbox/sandbox.ts";

type Row = Documents["barriers"][number];

/** Containers of each function (reference, section 5). */
export const OVERHEAD_SANDBOXES = 10;
/** Policy time runs so fast that a rollback is due after each request. */
const TIME_SCALE = 1000;
/** Requests after the first one: each may bring a rollback; the artifact notes six. */
const REQUESTS = 12;
const ROLLBACKS = 6;
/** After a request the policy works for a while, off the request's path: nothing has left for so long when it is done. */
const SETTLE_MS = 100;

/** What time barriers cost, measured on real sandboxes, one after the other. @param onSandbox told of each that is done */
export async function measureBarriers(
  functions: readonly string[],
  seed: number,
  signal: AbortSignal,
  onSandbox: (name: string) => void,
): Promise<Documents["barriers"]> {
  const rows: Row[] = [];
  await withEngine(async (engine, folder) => {
    engine.useTracker("auto");
    for (const name of functions) {
      const row: Row = { function: name, sandboxes: [] };
      for (let i = 0; i < OVERHEAD_SANDBOXES; i++) {
        signal.throwIfAborted();
        row.sandboxes.push(await measureSandbox(name, engine, folder, seed + i));
        onSandbox(name);
      }
      rows.push(row);
    }
  });
  return rows;
}

async function settled(space: SandboxSpace): Promise<void> {
  for (let before = -1; before !== space.stats().evictedPages; ) {
    before = space.stats().evictedPages;
    await Bun.sleep(SETTLE_MS);
  }
}

async function measureSandbox(
  name: string,
  engine: MemoryEngine,
  runFolder: string,
  seed: number,
): Promise<Row["sandboxes"][number]> {
  const spec = await builtInFunction(name, runFolder);
  const clock = createClock(TIME_SCALE);
  const settings: PolicySettings = policySettings.parse({ initWindow: 1, rollbackS: 1, reclaimIntervalS: 0 });
  const took = { runtimeInitMs: 0, initExecutionMs: 0, rollbackMs: [] as number[] };
  let policy: Policy | undefined;
  const sandbox: Sandbox = await Sandbox.start({
    name: `overhead-${name}-${seed}`,
    runFolder,
    hostPath: await unpack(assets.host, `${runFolder}/host.js`),
    modulePath: spec.modulePath,
    environment: (await spec.environment?.()) ?? {},
    attachment: engine.prepare(),
    onReady: async (memory) => {
      policy = policyOf("faasmem")({
        ...{ memory: memory!, clock, settings, history: new FunctionHistory() },
        bandwidth: new OffloadBandwidth(clock, undefined),
        onBarrier: (barrier, ms) => {
          if (barrier === "runtime-init") took.runtimeInitMs = ms;
          else if (barrier === "init-execution") took.initExecutionMs = ms;
          else if (took.rollbackMs.length < ROLLBACKS) took.rollbackMs.push(ms);
        },
      });
      await policy.ready();
    },
    onLoaded: () => policy!.loaded(),
  });
  try {
    const next = random(seed);
    for (let i = 0; i < REQUESTS && took.rollbackMs.length < ROLLBACKS; i++) {
      policy!.requestStart();
      await sandbox.run(benchmarks[name]!.input(next));
      policy!.requestEnd(await sandbox.space!.takeRecalled());
      await settled(sandbox.space!);
    }
    return took;
  } finally {
    policy?.close();
    await sandbox.stop();
  }
}
