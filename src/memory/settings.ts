import { z } from "zod";

/**
 * What a memory policy can be told. Times are trace seconds (see src/base/clock.ts); numbers are the
 * reference's unless said otherwise.
 */
export const policySettings = z.object({
  /**
   * Requests of the Init Pucket's window, after which its untouched pages leave. null: found from the curve of newly
   * touched pages; without a tracker, `fallbackWindow`.
   */
  initWindow: z.number().int().min(1).max(1_000_000).nullable().default(null),
  /** The artifact's fixed window of this function (web 32, graph 4, others 1). */
  fallbackWindow: z.number().int().min(1).max(1_000_000).default(1),
  /** Least time between two evictions of Puckets of one sandbox. */
  reclaimIntervalS: z.number().min(0).default(10),
  /** Least time between two looks at what requests touched (each costs some 3 ms a 200 MiB of processor time). */
  trackIntervalS: z.number().min(0).default(1),
  /** How often hot pages are put back into their Pucket, so that pages that cooled are found. */
  rollbackS: z.number().positive().default(120),
  /**
   * Idle time after which semi-warm begins. null: the P99 of this function's reuse intervals, learned, and at least
   * `semiWarmFloorS`, which also holds until there are enough observations.
   */
  semiWarmDelayS: z.number().min(0).nullable().default(null),
  semiWarmFloorS: z.number().min(0).default(60),
  /**
   * How much the P95 may grow over the function's own undisturbed one, 0.1 = 10 %. Semi-warm leaves the working set in
   * place when bringing it back would take more of a request's usual duration, and everything backs off while recent
   * requests are slower.
   */
  p95Budget: z.number().min(0).max(100).default(0.1),
  /**
   * Share of the memory held when semi-warm began which leaves in each second of it. The reference takes a share of what is left:
   * the same at first, but a third of the memory is still there when by this all of it has gone.
   */
  semiWarmRate: z.number().positive().max(1).default(0.01),
  /** Bytes which leave in each second of semi-warm, instead of a share; null: the share. */
  semiWarmBytesPerS: z.number().positive().max(1e12).nullable().default(null),
  /** Semi-warm works in steps of this length. */
  semiWarmStepS: z.number().positive().default(10),
  /**
   * Semi-warm leaves this much of what the engine manages in place. The reference leaves 8 MiB of a whole container; half
   * of the benchmark functions hold less than that, without the runtime's file, and what the runtime's timers want of it is
   * less than this.
   */
  semiWarmFloorBytes: z
    .number()
    .int()
    .min(0)
    .default(256 * 1024),
  /**
   * Let clean pages of the runtime's executable and of libraries leave. Libraries that only this sandbox has come back from the
   * disk, which may be slow.
   */
  releaseFiles: z.boolean().default(true),
  /**
   * Where earlier idle times tell when the next request comes, let everything leave until then, and bring it back just before
   * that.
   */
  recallAhead: z.boolean().default(true),
  /** Semi-warm ends this long before keep-alive does: what would be destroyed at once need not travel. */
  semiWarmMarginS: z.number().min(0).default(15),
  /** Idle time after which the sandbox is destroyed. */
  keepAliveS: z.number().positive().default(600),
});

export type PolicySettings = z.infer<typeof policySettings>;

/**
 * Changes to settings, as users send them: any of the fields, checked like the whole, without defaults.
 */
export const policyChanges = z.strictObject(
  Object.fromEntries(
    Object.entries(policySettings.shape).map(([name, field]) => [name, field.removeDefault().optional()]),
  ) as unknown as { [K in keyof PolicySettings]: z.ZodOptional<z.ZodType<PolicySettings[K]>> },
);
