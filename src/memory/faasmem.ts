import { PAGE_BYTES } from "../base/units.ts";
import type { PageSet } from "./engine.ts";
import { EXPECT_S, type ExpectedReturn, expectedReturn } from "./expected-return.ts";
import type { FunctionHistory } from "./history.ts";
import { InitWindow } from "./init-window.ts";
import type { Barrier, Policy, PolicyContext } from "./policy.ts";
import { Pucket } from "./pucket.ts";
import type { PolicySettings } from "./settings.ts";
import { Touches } from "./touches.ts";

/** Of the reuse intervals: at most one request in a hundred is to meet a semi-warm sandbox. */
const REUSE_QUANTILE = 0.99;

/** A window that lets less than this share of the Init Pucket leave was not worth its looks. */
const LITTLE = 0.02;
const MOST_PATIENCE = 16;

/** When all has left, semi-warm looks after so long what the runtime's timers brought back; then after twice as long, and so on. */
const REST_S = 60;

/**
 * What a request pays for finding the executable's pages that it needs in the kernel's cache again: 8 MiB, 16 pages a fault, took
 * 1.2 to 1.4 ms on a virtual machine.
 */
const FILES_MS = 1.3;

/** Semi-warm may meet this share of requests with all their memory away without a P95 that shows it. */
const RARE = 0.04;

/**
 * Idle times after which semi-warm begins, in trace seconds: first for what requests did not touch of late, then for
 * all. The second is the paper's: the P99 of the reuse intervals.
 */
export function semiWarmDelays(
  settings: PolicySettings,
  history: FunctionHistory,
): { rest: number; all: number } {
  const { semiWarmDelayS, semiWarmFloorS } = settings;
  const { factor } = history.budget;
  const all = Math.max(semiWarmFloorS, history.reuse.quantile(REUSE_QUANTILE) ?? 0);
  return { rest: (semiWarmDelayS ?? semiWarmFloorS) * factor, all: (semiWarmDelayS ?? all) * factor };
}

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
 * Beyond the paper: the Init Pucket's window closes by itself, and semi-warm takes the coldest pages first and leaves
 * the working set in place where bringing it back would cost requests more than the latency budget. Where it is known when the next
 * request comes, everything leaves, and the working set is back before it. While recent requests are slower than the budget
 * allows, delays grow and steps shrink.
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
  /** Rollbacks come so many times more rarely, doubling while they find little. */
  #patience = 1;
  #running = false;
  /** When the last request ended. */
  #idleSince = 0;
  #closed = false;
  #semiWarm = false;
  /** Everything leaves, or has come back, for a request that is expected. */
  #expected: ExpectedReturn | null = null;
  #filesReleased = false;
  /** Ends its trial of a long idle time. */
  #trial: (() => void) | null = null;
  /** Ends what waits for the sandbox to be idle. */
  #wanted = new AbortController();
  /** Number of the latest beginning of semi-warm; earlier ones give way to it. */
  #cooling = 0;
  /** Orders to the engine, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #cancelTimers: (() => void)[] = [];

  constructor(context: PolicyContext, switches: FaasmemSwitches) {
    this.#context = context;
    this.#on = switches;
    this.#touches = new Touches(context);
    this.#window = new InitWindow(() => context.settings, context.memory.tracks);
  }

  get semiWarm(): boolean {
    return this.#semiWarm;
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
    this.#running = true;
    this.#endTrial();
    this.#wanted.abort(null); // a reason of its own would be an exception with a stack
    this.#wanted = new AbortController();
    this.#stopTimers();
    this.#context.memory.cancel();
    if (this.#semiWarm && this.#on.recall) {
      this.#enqueue(async () => {
        await this.#recall(this.#touches.workingSet());
      });
    }
    this.#semiWarm = false;
    this.#expected = null;
  }

  requestEnd(recalled: PageSet): void {
    this.#running = false;
    this.#touches.requestEnded(recalled);
    this.#window.requestEnded();
    if (this.#touches.requests === 1) this.#runtimePending = true;
    this.#idleSince = this.#context.clock.now();
    if (this.#on.puckets) this.#enqueue(() => this.#reclaim());
    this.#startTimers();
  }

  settingsChanged(): void {
    // Semi-warm under way looks at them with each step.
    if (this.#running || this.#touches.requests === 0 || this.#closed || this.#semiWarm) return;
    this.#expected = null;
    this.#stopTimers();
    this.#startTimers();
  }

  #startTimers(): void {
    const { clock, settings, history } = this.#context;
    const wait = this.#lastReclaim + this.#reclaimInterval() - clock.now();
    if (this.#on.puckets && wait > 0 && this.#isDue()) this.#later(wait, () => this.#reclaim());
    if (this.#on.semiWarm) {
      if (this.#on.recall)
        this.#later(Math.max(0, this.#idleSince + EXPECT_S - clock.now()), () => this.#expect());
      const { rest, all } = semiWarmDelays(settings, history);
      for (const delay of new Set([rest, all]))
        this.#later(Math.max(0, this.#idleSince + delay - clock.now()), () => this.#cool(delay));
    }
  }

  /** Unless a request comes before. */
  #later(seconds: number, work: () => Promise<void>): void {
    this.#cancelTimers.push(this.#context.clock.after(seconds, () => this.#enqueue(work)));
  }

  close(): void {
    this.#endTrial();
    this.#closed = true;
    this.#wanted.abort(null); // a reason of its own would be an exception with a stack
    this.#stopTimers();
  }

  /** What other sandboxes of this function wanted is hot here too, from the start. */
  async #knownWorkingSet(): Promise<PageSet | null> {
    const { memory, history } = this.#context;
    if (!this.#on.recall || history.workingSet.length === 0) return null;
    return memory.locate(history.workingSet);
  }

  #stopTimers(): void {
    for (const cancel of this.#cancelTimers) cancel();
    this.#cancelTimers = [];
  }

  /** Failures of the engine end in its own events (a lost pool); the policy just stops asking. */
  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#closed) return;
      try {
        await work();
      } catch {
        this.#closed = true;
        this.#stopTimers();
      }
    });
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
    if (this.#running || !this.#isDue() || clock.now() - this.#lastReclaim < this.#reclaimInterval()) return;
    let cold = memory.empty();
    const windowClosed = this.#window.closed;
    if (this.#runtime) cold = cold.union(this.#runtime.cold);
    if (windowClosed && this.#init) cold = cold.union(this.#init.cold);
    const { cancelled, evictedPages } = await memory.evict(cold);
    if (cancelled) return; // a request came, or the pool is full: what is left goes after the next one
    this.#lastReclaim = clock.now();
    this.#runtimePending = false;
    if (!this.#filesReleased && this.#filesAreCheap()) await this.#releaseFiles();
    if (!windowClosed) return;
    this.#settled = true;
    const worthIt = evictedPages >= (this.#init?.pages.pages ?? 0) * LITTLE;
    this.#patience = worthIt ? 1 : Math.min(MOST_PATIENCE, this.#patience * 2);
  }

  /**
   * Puts hot pages back into their Puckets, when it is time, and opens a window: requests show which they still want
   * before any leaves. Between a closed window and the next rollback requests are not looked at, because that costs them
   * (each page touched after a look sets its accessed bit anew).
   */
  async #rollback(): Promise<void> {
    const { clock, settings } = this.#context;
    if (clock.now() - this.#lastRollback < settings.rollbackS * this.#patience || !this.#touches.mayClear())
      return;
    await this.#barrier("rollback", async () => {
      this.#runtime?.rollback();
      this.#init?.rollback();
      this.#lastRollback = clock.now();
      this.#settled = false;
      this.#window.restart();
      await this.#touches.forget();
    });
  }

  /** Notes what the requests since the last call touched. */
  async #learn(): Promise<void> {
    const touched = await this.#touches.read();
    this.#runtime?.promote(touched);
    const before = this.#init?.hot.pages ?? 0;
    this.#init?.promote(touched);
    this.#window.observe((this.#init?.hot.pages ?? 0) - before, this.#init?.hot.pages ?? 0);
  }

  /** Would bringing the working set back cost a request more than its budget? */
  #keepsWorkingSet(workingSet: PageSet): boolean {
    const { settings, history, memory } = this.#context;
    const usual = history.durationMs;
    if (!this.#on.recall || usual === null) return false;
    // A page that was put in place is as new to the processor as one whose accessed bit was cleared.
    const recallMs =
      history.recallMs(workingSet.pages * PAGE_BYTES) + workingSet.pages * memory.lookMsPerPage;
    return recallMs > usual * settings.p95Budget;
  }

  /**
   * Will hardly a request meet a sandbox that has idled for longer than `delay`? Before any did, or ended for having idled, one
   * sandbox of the function tries: else the whole of a first burst would.
   */
  #isRare(delay: number): boolean {
    const { history, settings } = this.#context;
    if (history.reuse.shareAbove(delay) > RARE) return false;
    if (history.knowsIdling(delay) || settings.semiWarmDelayS !== null || this.#trial) return true;
    this.#trial = history.probe();
    return this.#trial !== null;
  }

  #endTrial(): void {
    this.#trial?.();
    this.#trial = null;
  }

  /**
   * What semi-warm leaves in place when it begins after `delay`; null: everything, because it is not known what requests want, or
   * what comes after such an idle time (what a first request did not touch, a second may want).
   */
  #stays(delay: number, isRare: boolean, workingSet: PageSet): PageSet | null {
    const { memory, history } = this.#context;
    if (isRare) return memory.empty();
    if (workingSet.pages === 0 || !history.knowsIdling(delay)) return null;
    return this.#keepsWorkingSet(workingSet) ? workingSet : memory.empty();
  }

  /** Would finding its files again cost a request no more than its budget? Also when that is not known: one of the first pays. */
  #filesAreCheap(): boolean {
    const { settings, history } = this.#context;
    return FILES_MS <= (history.durationMs ?? Number.POSITIVE_INFINITY) * settings.p95Budget;
  }

  /** What start and init read of the executable and libraries leaves, and what requests do, until they want it again. */
  async #releaseFiles(): Promise<void> {
    const { memory, settings } = this.#context;
    if (!settings.releaseFiles || this.#running) return;
    this.#filesReleased = true;
    await memory.releaseFiles();
  }

  /** @returns pages that came back, and milliseconds of real time */
  async #recall(pages: PageSet): Promise<{ back: number; ms: number }> {
    const { memory, history, clock } = this.#context;
    const started = clock.realMs();
    const ended = history.recallStarted();
    let back = 0;
    try {
      back = await memory.prefetch(pages);
    } finally {
      ended(back * PAGE_BYTES, clock.realMs() - started);
    }
    return { back, ms: clock.realMs() - started };
  }

  /** Is it known when the next request comes? Then semi-warm begins at once. */
  async #expect(): Promise<void> {
    const idleS = this.#context.clock.now() - this.#idleSince;
    if (!this.#running && expectedReturn(this.#context, idleS, this.#touches.workingSet().pages))
      await this.#cool(idleS);
  }

  /** Semi-warm: memory leaves gradually, the coldest first, until keep-alive is about to end. */
  async #cool(delay: number): Promise<void> {
    const { memory, clock, settings, history, bandwidth } = this.#context;
    if (this.#expected && clock.now() < this.#idleSince + this.#expected.giveUpAtS) return;
    const turn = ++this.#cooling;
    const idleSince = this.#idleSince;
    await this.#learn();
    const workingSet = this.#touches.workingSet();
    if (this.#touches.areMany) history.workingSet = await memory.portable(workingSet);
    const expected = this.#on.recall ? expectedReturn(this.#context, delay, workingSet.pages) : null;
    if (this.#running) return;
    this.#expected = expected;
    const isRare = !expected && this.#isRare(delay);
    const stays = expected ? memory.empty() : this.#stays(delay, isRare, workingSet);
    if (!stays) return;
    if (expected)
      this.#later(idleSince + expected.recallAtS - clock.now(), () =>
        this.#recallAhead(workingSet, expected),
      );
    const releases = isRare || this.#filesAreCheap();
    const endsAt =
      idleSince +
      Math.min(
        settings.keepAliveS - settings.semiWarmMarginS,
        expected?.recallAtS ?? Number.POSITIVE_INFINITY,
      );
    if (releases) await this.#releaseFiles();
    let held: number | undefined;
    let restS = REST_S;
    const isOver = () => this.#running || turn !== this.#cooling || clock.now() >= endsAt;
    const step = async () => {
      if (isOver()) return;
      const resident = await memory.snapshot();
      held ??= resident.pages;
      const rate = Math.max(settings.semiWarmRate, expected?.rate ?? 0);
      const perSecond = settings.semiWarmBytesPerS ?? held * rate * PAGE_BYTES;
      const share = Math.ceil((perSecond * settings.semiWarmStepS) / history.budget.factor / PAGE_BYTES);
      const most = Math.min(share, resident.pages - settings.semiWarmFloorBytes / PAGE_BYTES);
      const spare = resident.subtract(stays);
      if (this.#running) return;
      if (most <= 0 || spare.pages === 0) {
        rest();
        return;
      }
      const coldest = spare.subtract(workingSet).first(most);
      const leaving =
        coldest.pages < most
          ? coldest.union(spare.intersect(workingSet).first(most - coldest.pages))
          : coldest;
      const granted = await bandwidth.take(leaving.pages * PAGE_BYTES, idleSince, this.#wanted.signal);
      if (!granted || this.#running || this.#closed) return;
      this.#semiWarm = true;
      const bytesPerSecond = ((share * PAGE_BYTES) / settings.semiWarmStepS) * clock.scale;
      const { cancelled, poolFull } = await memory.evict(leaving, { bytesPerSecond });
      if (this.#running) return;
      if (poolFull) rest();
      else if (!cancelled) this.#later(0, step);
    };
    const rest = () => {
      this.#later(restS, again);
      restS *= 2;
    };
    const again = async () => {
      if (releases && !isOver()) await this.#releaseFiles();
      await step();
    };
    await step();
  }

  /** Semi-warm ends before the request that is expected, and begins again if that does not come. */
  async #recallAhead(workingSet: PageSet, expected: ExpectedReturn): Promise<void> {
    const { memory, clock, history } = this.#context;
    if (this.#running) return;
    this.#cooling++;
    const { back, ms } = await this.#recall(workingSet);
    await memory.takeRecalled(); // not what a request wanted
    if (back > workingSet.pages / 2) history.recordRecallAhead(ms);
    if (this.#running) return;
    this.#semiWarm = false;
    const { giveUpAtS } = expected;
    this.#later(Math.max(0, this.#idleSince + giveUpAtS - clock.now()), () => this.#cool(giveUpAtS));
  }
}
