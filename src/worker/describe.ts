import { z } from "zod";
import { PAGE_BYTES } from "../base/units.ts";
import { EXPECT_S, expectedIdle } from "../memory/expected-return.ts";
import { semiWarmDelays } from "../memory/semi-warm.ts";
import { policySettings } from "../memory/settings.ts";
import type { FunctionPool } from "./pool.ts";

/** The answer of `GET /functions/NAME`. Times are trace seconds, durations real milliseconds. */
export const functionDescription = z.object({
  name: z.string(),
  quotaMiB: z.number(),
  system: z.string(),
  settings: policySettings,
  learned: z.object({
    reuseIntervals: z.number(),
    reuseP99S: z.number().nullable(),
    /** Semi-warm begins: for what requests did not touch of late, and for all. */
    semiWarmRestS: z.number(),
    semiWarmAllS: z.number(),
    /** Idle times after which the next request is expected; null: it may come at any time. */
    expectedIdleS: z.object({ low: z.number(), high: z.number() }).nullable(),
    usualMs: z.number().nullable(),
    undisturbedP95Ms: z.number().nullable(),
    recentP95Ms: z.number().nullable(),
    /** How far the policy has backed off: 1 = not at all, doubling with each step. */
    backOff: z.number(),
  }),
  sandboxes: z.array(
    z.object({
      name: z.string(),
      system: z.string(),
      state: z.enum(["running", "idle", "semi-warm"]),
      idleS: z.number().nullable(),
      localBytes: z.number(),
      remoteBytes: z.number(),
    }),
  ),
});

export type FunctionDescription = z.infer<typeof functionDescription>;

export async function describeFunction(pool: FunctionPool): Promise<FunctionDescription> {
  const { spec, config, history } = pool;
  const delays = semiWarmDelays(config.settings, history);
  const sandboxes = pool.members.map(async ({ name, system, idleS, semiWarm, sandbox }) => ({
    name,
    system,
    state: idleS === null ? ("running" as const) : semiWarm ? ("semi-warm" as const) : ("idle" as const),
    idleS,
    localBytes: await sandbox.localBytes(),
    remoteBytes: (sandbox.space?.stats().remotePages ?? 0) * PAGE_BYTES,
  }));
  return {
    name: spec.name,
    quotaMiB: spec.quotaMiB,
    system: config.system,
    settings: config.settings,
    learned: {
      reuseIntervals: history.reuse.samples,
      reuseP99S: history.reuse.quantile(0.99),
      semiWarmRestS: delays.rest,
      semiWarmAllS: delays.all,
      expectedIdleS: expectedIdle(history, EXPECT_S),
      usualMs: history.durationMs,
      undisturbedP95Ms: history.budget.undisturbedP95Ms,
      recentP95Ms: history.budget.recentP95Ms,
      backOff: history.budget.factor,
    },
    sandboxes: await Promise.all(sandboxes),
  };
}
