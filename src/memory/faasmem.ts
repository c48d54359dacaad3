import type { PageSet } from "./engine.ts";
import { IdleWork } from "./idle-work.ts";
import { InitWindow } from "./init-window.ts";
import type { Barrier, Policy, PolicyContext } from "./policy.ts";
import { Pucket } from "./pucket.ts";
import { SemiWarm } from "./semi-warm.ts";
import { Touches } from "./touches.ts";

/** A window after which less than this share of the Init Pucket stays away was not worth its looks, and the faults of what came back. */
const LITTLE = 0.02;
const MOST_PATIENCE = 16;

/** Mechanisms that an ablation switches off. */
export interface FaasmemSwitches {
  puckets: boolean;
  semiWarm: boolean;
  recall: boolean;
}

/**
 * The FaaSMem policy (ASPLOS'24): Runtime Pucket reactively after the first request, Init Pucket after a
 * window of requests, semi-warm when a sandbox idles for long. Execution memory is never evicted by a Pucket.
 *
 * Pages that requests touch are hot and stay until the next rollback. They are known from the engine's hotness
 * tracker; without one, a page shows that it is hot by coming back.
 *
 * Beyond the paper: the Init Pucket's window closes by itself; for semi-warm see there. While recent requests are slower than the
 * latency budget allows, delays grow and steps shrink.
 */
export class FaasmemPolicy implements Policy {
  readonly #context: PolicyContext;
  readonly #on: FaasmemSwitches;
  #runtime: Pucket | undefined;
  #init: Pucket | undefined;
  #runtimePending = false;
  readonly #touches: Touches;
  #window: InitWindow;
  #lastReclaim = Number.NEGATIVE_INFINITY;
  #lastRollback = 0;
  /** The window has closed and what it found cold has left. */
  #settled = false;
  /** What left since the last rollback, until it is judged by what of it stayed away. */
  #left: PageSet | null = null;
  /** Rollbacks come so many times more rarely, doubling while they find little that stays away. */
  #patience = 1;
  readonly #idle: IdleWork;
  readonly #semiWarm: SemiWarm;

  constructor(context: PolicyContext, switches: FaasmemSwitches) {
    this.#context = context;
    this.#on = switches;
    this.#touches = new Touches(context);
    this.#window = new InitWindow(() => context.settings, context.memory.tracks);
    this.#idle = new IdleWork(context.clock, context.requests);
    this.#semiWarm = new SemiWarm(context, switches.recall, this.#idle, this.#touches, () => this.#learn());
  }

  get semiWarm(): boolean {
    return this.#semiWarm.active;
  }

  get segments() {
    return this.#runtime && this.#init && { runtime: this.#runtime.pages, init: this.#init.pages };
  }

  async ready(): Promise<void> {
    if (!this.#on.puckets) return;
    const { memory } = this.#context;
    await this.#barrier("runtime-init", async () => {
      this.#runtime = new Pucket(await memory.snapshot(), memory);
    });
  }

  async loaded(): Promise<void> {
    const runtime = this.#runtime;
    if (!runtime) return;
    const { memory, clock } = this.#context;
    await this.#barrier("init-execution", async () => {
      const [resident, known] = await Promise.all([
        memory.snapshot(),
        this.#knownWorkingSet(),
        this.#touches.clear(), // what the init stage touched says nothing about requests
      ]);
      this.#init = new Pucket(resident.subtract(runtime.pages), memory);
      this.#lastRollback = clock.now();
      if (!known) return;
      runtime.promote(known);
      this.#init.promote(known);
      this.#touches.begin(known);
    });
  }

  async #barrier(barrier: Barrier, work: () => Promise<void>): Promise<void> {
    const { clock, onBarrier } = this.#context;
    const started = clock.realMs();
    await work();
    onBarrier?.(barrier, clock.realMs() - started);
  }

  requestStart(): void {
    this.#idle.requestStart();
    this.#context.memory.cancel();
    this.#semiWarm.requestStart();
  }

  requestEnd(recalled: PageSet): void {
    this.#idle.requestEnd();
    this.#touches.requestEnded(recalled);
    this.#window.requestEnded();
    if (this.#touches.requests === 1) this.#runtimePending = true;
    this.#idle.afterAnswer(() => {
      if (this.#on.puckets) this.#idle.whenQuiet(() => this.#reclaim());
      this.#startTimers();
    });
  }

  settingsChanged(): void {
    // Semi-warm under way looks at them with each step.
    if (this.#idle.running || this.#touches.requests === 0 || this.#idle.closed || this.semiWarm) return;
    this.#idle.stopTimers();
    this.#startTimers();
  }

  #startTimers(): void {
    const wait = this.#lastReclaim + this.#reclaimInterval() - this.#context.clock.now();
    if (this.#on.puckets && wait > 0 && this.#isDue()) this.#idle.later(wait, () => this.#reclaim());
    if (this.#on.semiWarm) this.#semiWarm.startTimers();
  }

  close(): void {
    this.#idle.close();
    this.#semiWarm.stop();
  }

  /** What other sandboxes of this function wanted is hot here too, from the start. */
  async #knownWorkingSet(): Promise<PageSet | null> {
    const { memory, history } = this.#context;
    if (!this.#on.recall || history.workingSet.length === 0) return null;
    return memory.locate(history.workingSet);
  }

  #isDue(): boolean {
    return !this.#settled && (this.#runtimePending || this.#window.closed);
  }

  #reclaimInterval(): number {
    return this.#context.settings.reclaimIntervalS * this.#context.history.budget.factor;
  }

  /** Evicts what the Puckets say is cold, when a window has closed and 10 s have passed. */
  async #reclaim(): Promise<void> {
    const { memory, clock, settings } = this.#context;
    if (this.#settled) return this.#rollback();
    if (
      this.#isDue() ||
      !this.#window.closed ||
      clock.now() - this.#touches.lastRead >= settings.trackIntervalS
    )
      await this.#learn();
    if (this.#idle.running || !this.#isDue() || clock.now() - this.#lastReclaim < this.#reclaimInterval())
      return;
    let cold = memory.empty();
    const windowClosed = this.#window.closed;
    if (this.#runtime) cold = cold.union(this.#runtime.cold);
    if (windowClosed && this.#init) cold = cold.union(this.#init.cold);
    const leaving = cold.intersect(await memory.snapshot());
    if (this.#idle.running) return;
    const { cancelled, poolFull } = await memory.evict(leaving);
    this.#left = this.#left?.union(leaving) ?? leaving;
    if (!cancelled || poolFull) this.#lastReclaim = clock.now();
    if (cancelled) return; // what is left goes after a later request
    this.#runtimePending = false;
    await this.#semiWarm.releaseFilesOnce();
    if (windowClosed) this.#settled = true;
  }

  /**
   * Puts hot pages back into their Puckets, when it is time, and opens a window: requests show which they still want
   * before any leaves. Between a closed window and the next rollback requests are not looked at, because that costs them
   * (each page touched after a look sets its accessed bit anew).
   */
  async #rollback(): Promise<void> {
    const { clock, settings } = this.#context;
    const isEarly = () => clock.now() - this.#lastRollback < settings.rollbackS * this.#patience;
    if (isEarly() || !this.#touches.mayClear()) return;
    await this.#judge();
    if (isEarly() || this.#idle.running) return;
    await this.#barrier("rollback", async () => {
      this.#runtime?.rollback();
      this.#init?.rollback();
      this.#lastRollback = clock.now();
      this.#settled = false;
      this.#window.restart();
      await this.#touches.forget();
    });
  }

  /** Did the last window find pages that requests do without? What only every tenth request wants looks cold to those of a short one. */
  async #judge(): Promise<void> {
    if (!this.#left) return;
    const stayed = this.#left.subtract(await this.#context.memory.snapshot());
    this.#left = null;
    const worthIt = stayed.pages >= (this.#init?.pages.pages ?? 0) * LITTLE;
    this.#patience = worthIt ? 1 : Math.min(MOST_PATIENCE, this.#patience * 2);
  }

  /** Notes what the requests since the last call touched. */
  async #learn(): Promise<void> {
    const touched = await this.#touches.read();
    this.#runtime?.promote(touched);
    const before = this.#init?.hot.pages ?? 0;
    this.#init?.promote(touched);
    this.#window.observe((this.#init?.hot.pages ?? 0) - before, this.#init?.hot.pages ?? 0);
  }
}
