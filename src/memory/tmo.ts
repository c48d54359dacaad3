import type { PageSet } from "./engine.ts";
import { PeriodicPolicy } from "./periodic.ts";
import type { PolicyContext } from "./policy.ts";

/** Senpai's settings in TMO (Weiner et al., ASPLOS'22) as FaaSMem compares with it (paper, section 8.1). */
const PERIOD_S = 6;
const RATIO = 0.0005;
const THRESHOLD = 0.001;
/** Rounds whose touched pages are told from older ones: the kernel's lists do not remember longer either. */
const ROUNDS = 10;

/**
 * TMO: a small share of memory leaves every 6 s, less the more threads wait for what had left, none from 0.1 %
 * on. The pressure is the time that threads waited for the engine: the kernel's PSI does not see waits for userfaultfd.
 */
export class TmoPolicy extends PeriodicPolicy {
  #stallUs = 0;
  #looked: number;
  #recent: PageSet[] = [];

  constructor(context: PolicyContext) {
    super(context, PERIOD_S);
    this.#looked = context.clock.realMs();
  }

  protected async round(touched: PageSet): Promise<void> {
    const { memory, clock } = this.context;
    const { stallUs } = memory.stats();
    const now = clock.realMs();
    const pressure = (stallUs - this.#stallUs) / 1000 / Math.max(1, now - this.#looked);
    this.#stallUs = stallUs;
    this.#looked = now;
    this.#recent = [...this.#recent, touched].slice(-ROUNDS);
    const resident = await memory.snapshot();
    const most = Math.floor(resident.pages * RATIO * Math.max(0, 1 - pressure / THRESHOLD));
    if (most === 0) return;
    let leaving = memory.empty();
    // Least recently touched first: never seen touched, then seen in the oldest round.
    for (let kept = this.#recent.length; kept >= 0 && leaving.pages < most; kept--) {
      const newer = this.#recent.slice(this.#recent.length - kept);
      const older = newer.reduce((rest, pages) => rest.subtract(pages), resident.subtract(leaving));
      leaving = leaving.union(older.first(most - leaving.pages));
    }
    await memory.evict(leaving);
  }
}
