import type { PageSet } from "./engine.ts";
import type { PolicyContext } from "./policy.ts";

/** Observations that make up the working set: enough to cover requests that differ, few enough to forget. */
const RECENT = 8;

/** Of the latency budget, for looks; and the share of requests that may meet a dearer one. */
const LOOK_SHARE = 0.25;
const LOOK_RARE = 0.02;
/** After so many requests one look may cost the whole budget: it finds what only start and first requests wanted. */
const EARLY = 3;
/** Requests since a look that are enough to tell what is wanted without those before it. */
const TELLING = 4;

/**
 * What the requests of one sandbox touched, and from that what the next one will want. Known from the engine's hotness
 * tracker, which is looked at as often as that pays, and from pages that came back.
 */
export class Touches {
  readonly #context: PolicyContext;
  #requests = 0;
  /** Came back since the last look. */
  #recalled: PageSet;
  /** What the latest requests touched or brought back, newest last. */
  #recent: PageSet[] = [];
  #lastRead = Number.NEGATIVE_INFINITY;
  /** Requests since accessed bits were last cleared. */
  #unlooked = 0;
  /** Requests since `#recent` was last added to. */
  #unread = 0;
  /** Accessed bits were not cleared since the latest of `#recent` was read: the next reading holds it too. */
  #accumulates = false;
  /** What requests wanted between the last two times that accessed bits were cleared, if those were many. */
  #before: PageSet | null = null;

  constructor(context: PolicyContext) {
    this.#context = context;
    this.#recalled = context.memory.empty();
  }

  /** Requests that have ended. */
  get requests(): number {
    return this.#requests;
  }

  /** When it was last looked, in trace seconds. */
  get lastRead(): number {
    return this.#lastRead;
  }

  /** Are there several observations, so that another sandbox may profit from them? */
  get areMany(): boolean {
    return this.#recent.length > 1;
  }

  /** Begins with what other sandboxes of this function wanted. */
  begin(known: PageSet): void {
    this.#recent = [known];
  }

  /** @param recalled what came back for it */
  requestEnded(recalled: PageSet): void {
    this.#requests++;
    this.#unlooked++;
    this.#unread++;
    this.#recalled = this.#recalled.union(recalled);
  }

  /** What the latest request wanted, and what at least two of the latest did: most of what only one did is garbage. */
  workingSet(): PageSet {
    let once = this.#context.memory.empty();
    let again = (this.#recent.at(-1) ?? once).union((this.#unlooked < TELLING && this.#before) || once);
    for (const wanted of this.#recent) {
      again = again.union(wanted.intersect(once));
      once = once.union(wanted);
    }
    return again;
  }

  /** What the requests since the last call touched. */
  async read(): Promise<PageSet> {
    const { memory, clock } = this.#context;
    this.#lastRead = clock.now();
    const clear = this.mayClear();
    // Between two requests only the runtime's own work touches memory.
    const latest = this.#accumulates || this.#unread === 0 ? this.#recent.at(-1) : undefined;
    const touched = (await this.#take(clear)).union(this.#recalled);
    const hot = latest ? touched.union(latest) : touched;
    this.#unread = 0;
    this.#recalled = memory.empty();
    if (hot.pages > 0)
      this.#recent = [...(latest ? this.#recent.slice(0, -1) : this.#recent), hot].slice(-RECENT);
    this.#accumulates = memory.tracks && !clear && hot.pages > 0;
    return touched;
  }

  /** Has the next `read` tell only of what is touched from now on, and of what came back. */
  clear(): Promise<void> {
    this.#looks();
    return this.#context.memory.clearTouched();
  }

  /** As `clear`, and of what came back only from now on. */
  async forget(): Promise<void> {
    await this.clear();
    this.#recalled = this.#context.memory.empty();
  }

  /**
   * Does clearing accessed bits cost the next request no more than its share of the latency budget? Where it does, only
   * so many requests may meet that that the P95 does not show them. Until it is known, they are not cleared.
   */
  mayClear(): boolean {
    const { history, settings, memory } = this.#context;
    if (!memory.tracks || this.#unlooked >= 1 / LOOK_RARE) return true;
    const recent = this.#recent.at(-1);
    if (!recent) return false;
    const neverLooked = this.#unlooked === this.#requests;
    const share = neverLooked && this.#requests >= EARLY ? 1 : LOOK_SHARE;
    return (
      recent.pages * memory.lookMsPerPage * history.crowding <=
      (history.durationMs ?? Number.POSITIVE_INFINITY) * settings.p95Budget * share
    );
  }

  #take(clear: boolean): Promise<PageSet> {
    const { memory } = this.#context;
    if (!clear) return memory.touched();
    this.#looks();
    return memory.takeTouched();
  }

  /** Notes that accessed bits are cleared now. */
  #looks(): void {
    this.#before = this.#accumulates ? this.#recent.at(-1)! : null;
    this.#unlooked = 0;
    this.#accumulates = false;
  }
}
