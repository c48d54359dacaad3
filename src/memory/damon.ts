import type { PageSet } from "./engine.ts";
import { PeriodicPolicy } from "./periodic.ts";
import type { PolicyContext } from "./policy.ts";

/** How often it is looked; the kernel's DAMON aggregates over shorter times, which only makes ages finer. */
const LOOK_S = 5;

/**
 * DAMON's proactive reclamation as FaaSMem compares with it (paper, section 8.1): what was not touched for 60 s
 * leaves. Here from the engine's own tracker, a page at a time, which is finer than DAMON's regions.
 */
export class DamonPolicy extends PeriodicPolicy {
  readonly #coldS: number;
  /** What was touched, by the time it was seen, newest last. */
  #seen: { at: number; pages: PageSet }[] = [];
  readonly #since: number;

  /** @param coldS a page is cold when it was not touched for so many trace seconds */
  constructor(context: PolicyContext, coldS = 60) {
    super(context, LOOK_S);
    this.#coldS = coldS;
    this.#since = context.clock.now();
  }

  protected async round(touched: PageSet): Promise<void> {
    const { memory, clock } = this.context;
    this.#seen = this.#seen.filter(({ at }) => clock.now() - at < this.#coldS);
    this.#seen.push({ at: clock.now(), pages: touched });
    if (clock.now() - this.#since < this.#coldS) return;
    const warm = this.#seen.reduce((all, { pages }) => all.union(pages), memory.empty());
    await memory.evict((await memory.snapshot()).subtract(warm));
  }
}
