import { availableParallelism } from "node:os";
import { z } from "zod";
import { quantile } from "../base/quantile.ts";
import type { PortablePages } from "./engine.ts";
import { LatencyBudget } from "./latency-budget.ts";
import { LATEST, ReuseIntervals } from "./reuse-intervals.ts";

/** Durations that the median is taken of. */
const RECENT = 32;
/** Slowdowns by recalls that the median is taken of; from half as many on. */
const RECALLS = 8;
/** The most requests at once fade by this with each request. */
const PEAK_DECAY = 0.99;
/** The longest recall ahead of a request fades by this with each other one. */
const AHEAD_DECAY = 0.95;
/** Bulk restore of a slow machine, in bytes per second: what is assumed until a recall was measured. */
const ASSUMED_RECALL = 1024 ** 3;

/** What is kept of a function's history over restarts of the worker. */
export const learned = z.object({
  reuse: z.object({
    samples: z.number().int().min(0),
    weights: z.array(z.number().min(0)).max(1000),
    latest: z.array(z.number().min(0)).max(LATEST).default([]),
  }),
  durations: z.array(z.number().min(0)).max(RECENT),
  recallBytesPerS: z.number().positive(),
  workingSet: z
    .array(
      z.object({
        mapping: z.string().max(256),
        runs: z.array(z.tuple([z.number().int().min(0), z.number().int().min(0)])).max(20_000),
      }),
    )
    .max(10_000),
});

export type Learned = z.infer<typeof learned>;

/** What the sandboxes of one function have taught so far; shared by their policies. */
export class FunctionHistory {
  readonly reuse = new ReuseIntervals();
  readonly budget = new LatencyBudget();
  /** What the latest requests of its sandboxes wanted: where a new sandbox begins. */
  workingSet: PortablePages = [];
  #durations: number[] = [];
  readonly #cores: number;
  #running = 0;
  #peak = 0;
  #hasExpired = false;
  #isProbed = false;
  #estimate = Number.POSITIVE_INFINITY;
  #recallBytesPerS = ASSUMED_RECALL;
  #recalling = 0;
  #aheadMs: number | null = null;
  /** What requests took longer than usual, by the bytes that came back during them; in milliseconds a byte. */
  #slowdowns: number[] = [];

  /** @param cores processors that the function's requests share */
  constructor(cores = availableParallelism()) {
    this.#cores = cores;
  }

  /** Of any of its sandboxes. */
  requestStarted(): void {
    this.#running++;
    this.#peak = Math.max(this.#running, this.#peak * PEAK_DECAY);
  }

  requestEnded(): void {
    this.#running--;
  }

  /** A sandbox ended that had idled for its keep-alive. */
  recordExpiry(): void {
    this.#hasExpired = true;
  }

  /** Has an idle time ended that was longer than `seconds`, by a request or by keep-alive? */
  knowsIdling(seconds: number): boolean {
    return this.#hasExpired || this.reuse.shareAbove(seconds) > 0;
  }

  /** Lets one sandbox find out what comes after a long idle time. @returns what ends the trial; null: another one is at it */
  probe(): (() => void) | null {
    if (this.#isProbed) return null;
    this.#isProbed = true;
    return () => {
      this.#isProbed = false;
    };
  }

  /** A warm request that brought nothing back took this long, in milliseconds of real time. */
  recordDuration(ms: number): void {
    this.#durations = [...this.#durations, ms].slice(-RECENT);
  }

  /** A request that was not undisturbed, without what disturbed it: the best that is known before there is a better one. */
  estimateDuration(ms: number): void {
    this.#estimate = Math.min(this.#estimate, ms);
  }

  /** Median duration of requests that brought nothing back, in milliseconds; an estimate before that; null before any. */
  get durationMs(): number | null {
    return quantile(this.#durations, 0.5) ?? (Number.isFinite(this.#estimate) ? this.#estimate : null);
  }

  /**
   * How many times longer work on the processor takes while as many requests run as of late, with all of them doing it. Their durations
   * hold that wait already, so what is compared with durations must too.
   */
  get crowding(): number {
    return Math.max(1, this.#peak / this.#cores);
  }

  /**
   * A prefetch begins. Those of other sandboxes at the same time share the way with it.
   * @returns to be called at its end with the bytes that came back, and the milliseconds of real time that it took
   */
  recallStarted(): (bytes: number, ms: number) => void {
    const before = ++this.#recalling;
    return (bytes, ms) => {
      const together = Math.max(before, this.#recalling--);
      if (bytes < 1024 ** 2 || ms <= 0) return; // too small to tell a rate
      this.#recallBytesPerS += 0.25 * ((bytes * together) / (ms / 1000) - this.#recallBytesPerS);
    };
  }

  /** A sandbox's memory came back ahead of its request, among that of other sandboxes, in `ms` of real time. */
  recordRecallAhead(ms: number): void {
    this.#aheadMs = Math.max(ms, (this.#aheadMs ?? 0) * AHEAD_DECAY);
  }

  /**
   * How long that takes, in milliseconds of real time: what it took of late, or before any what recalls of `bytes` at once should
   * (slower rates were seen while requests ran).
   */
  recallAheadMs(bytes: number): number {
    const rate = Math.max(ASSUMED_RECALL, this.#recallBytesPerS);
    return this.#aheadMs ?? (bytes / rate) * 1000 * Math.max(1, this.#peak);
  }

  /** A request during which `bytes` came back took `ms` of real time. */
  recordRecalling(bytes: number, ms: number): void {
    const usual = quantile(this.#durations, 0.5);
    if (bytes < 1024 ** 2 || usual === undefined) return;
    this.#slowdowns = [...this.#slowdowns, Math.max(0, ms - usual) / bytes].slice(-RECALLS);
  }

  /**
   * How much longer a request will take that needs `bytes` back, in milliseconds of real time: as long as bringing them back
   * takes, or what it came to lately where that is more (the processor has to learn of each page again). Requests that come at
   * once wait for each other's pages.
   */
  recallMs(bytes: number): number {
    const seen = this.#slowdowns.length < RECALLS / 2 ? 0 : (quantile(this.#slowdowns, 0.5) ?? 0);
    const together = Math.max(1, this.#peak);
    return Math.max((bytes / this.#recallBytesPerS) * 1000 * together, bytes * seen);
  }

  /** For the store: what `load` takes. */
  save(): Learned {
    return {
      reuse: this.reuse.save(),
      durations: this.#durations,
      recallBytesPerS: this.#recallBytesPerS,
      workingSet: this.workingSet,
    };
  }

  load(saved: Learned): void {
    this.reuse.load(saved.reuse);
    this.#durations = saved.durations;
    this.#recallBytesPerS = saved.recallBytesPerS;
    this.workingSet = saved.workingSet;
  }
}
