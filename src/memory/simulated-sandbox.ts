import { ManualClock } from "../base/manual-clock.ts";
import { OffloadBandwidth } from "./bandwidth.ts";
import { FaasmemPolicy, type FaasmemSwitches } from "./faasmem.ts";
import { FunctionHistory } from "./history.ts";
import { RequestsFirst } from "./requests-first.ts";
import { type PolicySettings, policySettings } from "./settings.ts";
import { SimulatedMemory } from "./simulated-memory.ts";

/** Pages that the two first segments allocate. */
export const runtime = [1, 2, 3, 4];
export const init = [11, 12, 13, 14, 15];

/** A sandbox without a process under the FaaSMem policy, both barriers passed, for the tests of the policy. */
export async function sandbox(
  settings: Partial<PolicySettings> = {},
  switches: Partial<FaasmemSwitches> = {},
  tracks = false,
  history = new FunctionHistory(),
) {
  const memory = new SimulatedMemory();
  memory.tracks = tracks;
  const clock = new ManualClock();
  const bandwidth = new OffloadBandwidth(clock);
  const policy = new FaasmemPolicy(
    {
      memory,
      clock,
      history,
      bandwidth,
      requests: new RequestsFirst(clock),
      settings: policySettings.parse({ semiWarmFloorBytes: 0, ...settings }),
    },
    { puckets: true, semiWarm: true, recall: true, ...switches },
  );
  memory.allocate(...runtime);
  await policy.ready();
  memory.allocate(...init);
  await policy.loaded();
  const request = async (...touched: number[]) => {
    policy.requestStart();
    memory.touch(...touched);
    policy.requestEnd(await memory.takeRecalled());
    await clock.pass(0);
  };
  return { memory, clock, policy, request, history };
}
