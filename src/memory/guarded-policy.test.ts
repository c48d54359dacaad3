import { expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { OffloadBandwidth } from "./bandwidth.ts";
import { guarded } from "./guarded-policy.ts";
import { FunctionHistory } from "./history.ts";
import type { Policy, PolicyContext } from "./policy.ts";
import { RequestsFirst } from "./requests-first.ts";
import { policySettings } from "./settings.ts";
import { SimulatedMemory } from "./simulated-memory.ts";

function run(methods: (context: PolicyContext) => Partial<Policy>) {
  const clock = new ManualClock();
  const memory = new SimulatedMemory();
  const reports: string[] = [];
  const calls: string[] = [];
  const context: PolicyContext = {
    memory,
    clock,
    history: new FunctionHistory(),
    settings: policySettings.parse({}),
    bandwidth: new OffloadBandwidth(clock),
    requests: new RequestsFirst(clock, 0), // never quiet: what waits runs half a second later
  };
  const policy = guarded(
    (inner) => ({
      semiWarm: false,
      ready: async () => {},
      loaded: async () => {},
      requestStart: () => void calls.push("start"),
      requestEnd: () => {},
      close: () => void calls.push("close"),
      ...methods(inner),
    }),
    (error) => reports.push(String(error)),
  )(context);
  return { policy, memory, clock, reports, calls };
}

const fail = (): never => {
  throw new Error("bad");
};

test("what a policy throws is reported once, and it is asked nothing more", async () => {
  const places: ((context: PolicyContext) => Partial<Policy>)[] = [
    () => ({ ready: async () => fail() }),
    () => ({ ready: fail }),
    () => ({ requestEnd: fail }),
    () => ({ requestEnd: (async () => fail()) as unknown as Policy["requestEnd"] }),
    ({ clock }) => ({ requestEnd: () => void clock.after(1, fail) }),
    ({ clock }) => ({ requestEnd: () => void clock.after(1, async () => fail()) }),
    ({ requests }) => ({ requestEnd: () => void requests.whenQuiet(fail) }),
    () => ({
      get semiWarm(): boolean {
        return fail();
      },
    }),
    fail,
  ];
  for (const place of places) {
    const { policy, memory, clock, reports, calls } = run(place);
    await policy.ready();
    await policy.loaded();
    policy.requestStart();
    policy.requestEnd(memory.empty());
    expect(policy.semiWarm).toBe(false);
    await clock.pass(2);
    const before = calls.length;
    policy.requestStart();
    policy.requestEnd(memory.empty());
    await clock.pass(2);
    expect(reports).toEqual(["Error: bad"]);
    expect(calls).toHaveLength(before);
    expect(memory.cancels).toBe(1);
  }
});

test("a policy that throws nothing is itself", async () => {
  const { policy, memory, reports, calls } = run(() => ({ semiWarm: true }));
  await policy.ready();
  policy.requestStart();
  policy.requestEnd(memory.empty());
  policy.close();
  expect(policy.semiWarm).toBe(true);
  expect(calls).toEqual(["start", "close"]);
  expect(reports).toEqual([]);
});
