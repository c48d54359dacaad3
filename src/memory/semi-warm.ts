import { PAGE_BYTES } from "../base/units.ts";
import type { PageSet } from "./engine.ts";
import { EXPECT_S, type ExpectedReturn, expectedIdle, expectedReturn } from "./expected-return.ts";
import type { FunctionHistory } from "./history.ts";
import type { IdleWork } from "./idle-work.ts";
import type { PolicyContext } from "./policy.ts";
import type { PolicySettings } from "./settings.ts";
import type { Touches } from "./touches.ts";

/** Of the reuse intervals: at most one request in a hundred is to meet a semi-warm sandbox. */
const REUSE_QUANTILE = 0.99;

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

/**
 * Semi-warm (paper, section 5.2): memory of a sandbox that idles for long leaves gradually, the coldest first, and a request has what
 * it will want brought back in bulk. It leaves the working set in place where bringing it back would cost requests more than the
 * latency budget, and where it is known when the next request comes, everything leaves and is back before it.
 */
export class SemiWarm {
  readonly #context: PolicyContext;
  readonly #recalls: boolean;
  readonly #idle: IdleWork;
  readonly #touches: Touches;
  readonly #learn: () => Promise<void>;
  #active = false;
  /** Everything leaves, or has come back, for a request that is expected. */
  #expected: ExpectedReturn | null = null;
  #filesReleased = false;
  /** Ends its trial of a long idle time. */
  #trial: (() => void) | null = null;
  /** Ends what waits for the sandbox to be idle. */
  #wanted = new AbortController();
  /** Number of the latest beginning, or end: what began before gives way. */
  #turn = 0;

  /**
   * @param recalls may pages come back before they are touched?
   * @param learn notes what the requests since the last call touched
   */
  constructor(
    context: PolicyContext,
    recalls: boolean,
    idle: IdleWork,
    touches: Touches,
    learn: () => Promise<void>,
  ) {
    this.#context = context;
    this.#recalls = recalls;
    this.#idle = idle;
    this.#touches = touches;
    this.#learn = learn;
  }

  /** True from the first page that leaves until a request comes, or pages come back for one. */
  get active(): boolean {
    return this.#active;
  }

  requestStart(): void {
    this.stop();
    this.#wanted = new AbortController();
    if (this.#active && this.#recalls)
      this.#idle.enqueue(async () => {
        await this.#recall(this.#touches.workingSet());
      });
    this.#active = false;
    this.#expected = null;
  }

  /** The sandbox idles, or its settings are others. */
  startTimers(): void {
    const { settings, history } = this.#context;
    this.#expected = null;
    if (this.#recalls && settings.recallAhead && settings.semiWarmDelayS === null)
      this.#idle.whenIdleFor(EXPECT_S * history.budget.factor, () => this.#expect());
    const { rest, all } = semiWarmDelays(settings, history);
    for (const delay of new Set([rest, all])) this.#idle.whenIdleFor(delay, () => this.#cool(delay));
  }

  /** A request comes, or the sandbox has ended. */
  stop(): void {
    this.#endTrial();
    this.#wanted.abort(null); // a reason of its own would be an exception with a stack
    this.#turn++;
  }

  /** What start and init read of the executable and libraries leaves after the first requests, where finding it again is cheap. */
  async releaseFilesOnce(): Promise<void> {
    if (!this.#filesReleased && this.#filesAreCheap()) await this.#releaseFiles();
  }

  /** Would bringing the working set back cost a request more than its budget? */
  #keepsWorkingSet(workingSet: PageSet): boolean {
    const { settings, history, memory } = this.#context;
    const usual = history.durationMs;
    if (!this.#recalls || usual === null) return false;
    // A page that was put in place is as new to the processor as one whose accessed bit was cleared.
    const recallMs =
      history.recallMs(workingSet.pages * PAGE_BYTES) +
      workingSet.pages * memory.lookMsPerPage * history.crowding;
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
    return (
      FILES_MS * history.crowding <= (history.durationMs ?? Number.POSITIVE_INFINITY) * settings.p95Budget
    );
  }

  async #releaseFiles(): Promise<void> {
    const { memory, settings } = this.#context;
    if (!settings.releaseFiles || this.#idle.running) return;
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

  /** Where it is known when the next request comes, semi-warm need not wait. */
  async #expect(): Promise<void> {
    const { history, clock } = this.#context;
    const idleS = clock.now() - this.#idle.idleSince;
    if (!this.#idle.running && expectedIdle(history, idleS)) await this.#cool(idleS, true);
  }

  /**
   * Memory leaves gradually, the coldest first, until keep-alive is about to end or pages are to come back.
   * @param onlyExpected nothing leaves unless it is known when the next request comes
   */
  async #cool(delay: number, onlyExpected = false): Promise<void> {
    const { memory, clock, settings, history, bandwidth } = this.#context;
    if (this.#expected) return; // until that is given up
    const turn = ++this.#turn;
    const idleSince = this.#idle.idleSince;
    await this.#learn();
    const workingSet = this.#touches.workingSet();
    if (this.#touches.areMany) history.workingSet = await memory.portable(workingSet);
    const before = await memory.snapshot();
    const wanted = before.union(workingSet); // some of which may have left in an earlier step
    const isKnown = this.#recalls && workingSet.pages > 0;
    const expected = isKnown ? expectedReturn(this.#context, delay, wanted.pages, workingSet.pages) : null;
    if (turn !== this.#turn || (onlyExpected && !expected)) return;
    this.#expected = expected;
    const isRare = !expected && this.#isRare(delay);
    const stays = expected ? memory.empty() : this.#stays(delay, isRare, workingSet);
    if (!stays) return;
    if (expected)
      this.#idle.laterUrgent(this.#idle.untilIdleFor(expected.recallAtS), () =>
        this.#recallAhead(wanted, workingSet, expected),
      );
    const releases = isRare || expected !== null || this.#filesAreCheap();
    const endsAt =
      idleSince +
      Math.min(
        settings.keepAliveS - settings.semiWarmMarginS,
        expected?.recallAtS ?? Number.POSITIVE_INFINITY,
      );
    if (releases) await this.#releaseFiles();
    let restS = REST_S;
    const isOver = () => turn !== this.#turn || clock.now() >= endsAt;
    const step = async () => {
      if (isOver()) return;
      const resident = await memory.snapshot();
      const rate = Math.max(settings.semiWarmRate, expected?.rate ?? 0);
      const perSecond = settings.semiWarmBytesPerS ?? before.pages * rate * PAGE_BYTES;
      const share = Math.ceil((perSecond * settings.semiWarmStepS) / history.budget.factor / PAGE_BYTES);
      const most = Math.min(share, resident.pages - settings.semiWarmFloorBytes / PAGE_BYTES);
      const spare = resident.subtract(stays);
      if (turn !== this.#turn) return;
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
      if (!granted || turn !== this.#turn) return;
      this.#active = true;
      const bytesPerSecond = ((share * PAGE_BYTES) / settings.semiWarmStepS) * clock.scale;
      const { cancelled, poolFull } = await memory.evict(leaving, { bytesPerSecond });
      if (turn !== this.#turn) return;
      if (poolFull) rest();
      else if (!cancelled) this.#idle.later(0, step);
    };
    const rest = () => {
      this.#idle.later(restS, again);
      restS *= 2;
    };
    const again = async () => {
      if (releases && !isOver()) await this.#releaseFiles();
      await step();
    };
    await step();
  }

  /**
   * Semi-warm ends before the request that is expected, and begins again if that does not come. All that left comes back, not only
   * what the latest requests wanted: one of the next collects garbage, and that looks at everything.
   */
  async #recallAhead(wanted: PageSet, workingSet: PageSet, expected: ExpectedReturn): Promise<void> {
    const { memory, history } = this.#context;
    const turn = ++this.#turn;
    const { back, ms } = await this.#recall(wanted);
    const recalled = await memory.takeRecalled(); // not what a request wanted
    if (back > wanted.pages / 2) history.recordRecallAhead(ms);
    if (turn !== this.#turn) return;
    const dear = memory.warms ? recalled : memory.empty();
    memory.warm(dear.intersect(workingSet), dear.subtract(workingSet)); // and the files, anyway
    this.#active = false;
    const { giveUpAtS } = expected;
    this.#idle.whenIdleFor(giveUpAtS, () => {
      this.#expected = null;
      return this.#cool(giveUpAtS);
    });
  }
}
