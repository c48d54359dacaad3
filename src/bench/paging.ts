import { z } from "zod";
import { median } from "../base/quantile.ts";
import type { MemoryEngine } from "../sandbox/attachment.ts";
import { BenchProgram } from "./program.ts";
import type { BenchResult, FaultLatency, SweepPoint } from "./result.ts";

/** Size of the process that is paged. */
export const TARGET_MIB = 256;
/** Pages that a single-fault measurement touches: enough for a P99 of a hundred samples above it. */
const FAULT_PAGES = 8192;
const FAULT_ROUNDS = 3;
/** The first of these find the memory server with memory that it never wrote to. */
const FRESH_ROUNDS = 2;
const ROUNDS = FRESH_ROUNDS + 5;
const WINDOWS = [1, 4, 16, 32, 64, 128, 256];
const DEFAULT_WINDOW = 64;

const touched = z.object({ ms: z.number(), pages: z.number(), p50Us: z.number(), p99Us: z.number() });
const checked = z.object({ wrong: z.number() });
const targetReady = z.object({ ready: z.literal(true), pages: z.number() });

const gibps = (pages: number, ms: number) => (pages * 4096) / 1024 ** 3 / (ms / 1000);

/** Measures eviction, restore and faults on one process. */
export class PagingBench {
  readonly #engine: MemoryEngine;
  readonly #program: BenchProgram;

  private constructor(engine: MemoryEngine, program: BenchProgram) {
    this.#engine = engine;
    this.#program = program;
  }

  static async start(engine: MemoryEngine): Promise<PagingBench> {
    const program = await BenchProgram.start(["target", String(TARGET_MIB)], engine);
    await program.ask(targetReady);
    return new PagingBench(engine, program);
  }

  async #evictAll(): Promise<{ pages: number; ms: number }> {
    const pages = await this.#program.space!.snapshot();
    const started = performance.now();
    const { evictedPages } = await this.#program.space!.evict(pages);
    return { pages: evictedPages, ms: performance.now() - started };
  }

  /** Median throughput of moving the whole process out, and of bringing it back in bulk, in GiB/s. */
  async throughput(): Promise<
    Pick<BenchResult, "evictGiBps" | "evictFreshGiBps" | "evictUnchangedGiBps" | "restoreGiBps">
  > {
    const [out, unchanged, back]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round++) {
      const all = await this.#program.space!.snapshot();
      const { pages, ms } = await this.#evictAll();
      out.push(gibps(pages, ms));
      const started = performance.now();
      const restored = await this.#program.space!.prefetch(all);
      back.push(gibps(restored, performance.now() - started));
      // Pages that came back and were not changed are not sent again.
      const again = await this.#evictAll();
      unchanged.push(gibps(again.pages, again.ms));
      await this.restore();
    }
    return {
      evictGiBps: median(out.slice(FRESH_ROUNDS)),
      evictFreshGiBps: median(out.slice(0, FRESH_ROUNDS)),
      evictUnchangedGiBps: median(unchanged),
      restoreGiBps: median(back),
    };
  }

  /** Moves the process out and brings it back, in bulk and then by touching it in order; its contents are new. */
  async swapRound(): Promise<Omit<NonNullable<BenchResult["swapPlane"]>, "wrongPages">> {
    await this.restore();
    const all = await this.#program.space!.snapshot();
    const { pages, ms } = await this.#evictAll();
    const started = performance.now();
    const restored = await this.#program.space!.prefetch(all);
    const restoreGiBps = gibps(restored, performance.now() - started);
    await this.#evictAll();
    const walk = await this.#program.ask(touched, `touch sequential 1 ${TARGET_MIB * 256}`);
    return { evictGiBps: gibps(pages, ms), restoreGiBps, demandUsPerPage: (walk.ms * 1000) / walk.pages };
  }

  /** Latency of single-page faults: medians of some rounds. */
  async faults(): Promise<FaultLatency[]> {
    this.#engine.setFaultAround(1);
    const results: FaultLatency[] = [];
    for (const order of ["sequential", "random"] as const) {
      for (const threads of [1, 2, 4]) {
        const rounds: z.infer<typeof touched>[] = [];
        for (let round = 0; round < FAULT_ROUNDS; round++) {
          await this.#evictAll();
          rounds.push(await this.#program.ask(touched, `touch ${order} ${threads} ${FAULT_PAGES}`));
        }
        const of = (measure: "p50Us" | "p99Us") => median(rounds.map((round) => round[measure]));
        results.push({ order, threads, p50Us: of("p50Us"), p99Us: of("p99Us") });
      }
    }
    this.#engine.setFaultAround(DEFAULT_WINDOW);
    return results;
  }

  /** Walks the evicted process with each size of the fault-around window. */
  async sweep(): Promise<SweepPoint[]> {
    const pages = TARGET_MIB * 256;
    const points: SweepPoint[] = [];
    for (const window of WINDOWS) {
      this.#engine.setFaultAround(window);
      await this.#evictAll();
      const { ms: sequentialMs } = await this.#program.ask(touched, `touch sequential 1 ${pages}`);
      await this.#evictAll();
      const { ms: randomMs } = await this.#program.ask(touched, `touch random 1 ${pages}`);
      points.push({ window, sequentialMs, randomMs });
    }
    this.#engine.setFaultAround(DEFAULT_WINDOW);
    return points;
  }

  /** Evicts everything and returns what the pool holds, in bytes. */
  async remoteBytes(): Promise<number> {
    await this.#evictAll();
    return this.#program.space!.stats().remotePages * 4096;
  }

  /** Has the process give every page other contents: all of it is local then, and has to be sent. */
  async restore(): Promise<void> {
    await this.#program.ask(z.object({ changed: z.number() }), `change ${TARGET_MIB * 256}`);
  }

  /** Compares every byte of the process; returns the pages that read wrong. Ends the process. */
  async finish(): Promise<number> {
    const { wrong } = await this.#program.ask(checked, "check");
    await this.#program.stop();
    return wrong;
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
