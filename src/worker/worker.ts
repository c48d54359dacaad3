import { z } from "zod";
import { swapStoreBytes } from "../driver/store.ts";
import type { sandboxPages } from "../heatmap/heatmap.ts";
import { MEMORY_METRIC } from "../sandbox/memory-usage.ts";
import { describeFunction, type FunctionDescription } from "./describe.ts";
import type { ConfigChanges } from "./function-config.ts";
import { type FunctionSpec, unknownFunction } from "./function-spec.ts";
import { FunctionPool, type Invocation, type PoolContext } from "./pool.ts";
import { MemorySampler } from "./sampler.ts";

/** The answer of `/stats`. Times are trace seconds; *ByteSeconds are integrals since the start. */
export const workerStats = z.object({
  memoryMetric: z.string(),
  uptimeS: z.number(),
  poolAlive: z.boolean(),
  /** Swap plane: memory of this machine that a compressed store takes. It is in no sandbox's local memory. */
  storeBytes: z.number().nullable().optional(),
  functions: z.array(
    z.object({
      name: z.string(),
      sandboxes: z.number(),
      localBytes: z.number(),
      remoteBytes: z.number(),
      localByteSeconds: z.number(),
      remoteByteSeconds: z.number(),
      coldStarts: z.number(),
      warmStarts: z.number(),
      semiWarmStarts: z.number(),
      errors: z.number(),
    }),
  ),
});

/** How often what was learned is kept, beside at the end: a worker that is killed loses no more. */
const SAVE_MS = 30_000;

export type WorkerStats = z.infer<typeof workerStats>;

/** Runs functions in sandboxes of this machine. */
export class Worker {
  readonly #pools: Map<string, FunctionPool>;
  readonly #sampler: MemorySampler;
  readonly #context: PoolContext;
  readonly #saving: ReturnType<typeof setInterval>;

  constructor(functions: FunctionSpec[], context: PoolContext) {
    this.#context = context;
    this.#pools = new Map(functions.map((spec) => [spec.name, new FunctionPool(spec, context)]));
    this.#sampler = new MemorySampler(context.clock, this.#pools, context.requests);
    this.#saving = setInterval(() => {
      for (const pool of this.#pools.values()) pool.saveLearned();
    }, SAVE_MS);
  }

  get functions(): FunctionSpec[] {
    return [...this.#pools.values()].map((pool) => pool.spec);
  }

  /** Adds a function, or replaces the one of this name: its sandboxes end, requests that run go on in none. */
  deploy(spec: FunctionSpec): void {
    const before = this.#pools.get(spec.name);
    this.#pools.set(spec.name, new FunctionPool(spec, this.#context));
    before?.close();
  }

  /**
   * Removes a function and ends its sandboxes.
   * @throws FaasmemError UNKNOWN_FUNCTION
   */
  async remove(name: string): Promise<void> {
    const pool = this.#poolOf(name);
    this.#pools.delete(name);
    await pool.close();
  }

  /**
   * Changes a function while it runs: settings at once, another system for sandboxes that start from now on.
   * @throws FaasmemError UNKNOWN_FUNCTION
   */
  configure(name: string, changes: ConfigChanges): void {
    this.#poolOf(name).configure(changes);
  }

  /**
   * Everything about one function: configuration, what was learned, sandboxes.
   * @throws FaasmemError UNKNOWN_FUNCTION
   */
  async describe(name: string): Promise<FunctionDescription> {
    return describeFunction(this.#poolOf(name));
  }

  /**
   * What is local now of the function's oldest sandbox.
   * @throws FaasmemError UNKNOWN_FUNCTION
   */
  async pages(name: string): Promise<z.infer<typeof sandboxPages>> {
    const sandbox = this.#poolOf(name).sandboxes.find(({ space }) => space);
    if (!sandbox?.space) return { sandbox: null, local: [] };
    return { sandbox: sandbox.name, local: await sandbox.space.portable(await sandbox.space.snapshot()) };
  }

  #poolOf(name: string): FunctionPool {
    const pool = this.#pools.get(name);
    if (!pool) throw unknownFunction(name, this.#pools.keys());
    return pool;
  }

  /** @throws FaasmemError UNKNOWN_FUNCTION and what FunctionPool.invoke throws */
  invoke(name: string, context: unknown): Promise<Invocation> {
    const pool = this.#pools.get(name);
    if (!pool) return Promise.reject(unknownFunction(name, this.#pools.keys()));
    return pool.invoke(context);
  }

  stats(): WorkerStats {
    return {
      memoryMetric: MEMORY_METRIC,
      uptimeS: this.#sampler.sampledAt,
      poolAlive: this.#context.engine?.poolAlive ?? false,
      storeBytes: this.#context.engine?.plane === "swap" ? swapStoreBytes() : null,
      functions: [...this.#pools].map(([name, pool]) => ({
        name,
        sandboxes: pool.sandboxes.length,
        ...this.#sampler.levels(name),
        ...pool.counts,
      })),
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#saving);
    this.#sampler.stop();
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }
}
