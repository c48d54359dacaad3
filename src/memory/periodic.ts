import type { PageSet } from "./engine.ts";
import type { Policy, PolicyContext } from "./policy.ts";

/**
 * The frame of the compared systems that know nothing of requests: from the moment the user's code is loaded, look at
 * what was touched and evict, again and again.
 */
export abstract class PeriodicPolicy implements Policy {
  readonly semiWarm = false;
  protected readonly context: PolicyContext;
  readonly #everyS: number;
  #cancelTimer = () => {};
  #closed = false;
  #recalled: PageSet;

  /** @param everyS trace seconds between two rounds */
  constructor(context: PolicyContext, everyS: number) {
    this.context = context;
    this.#everyS = everyS;
    this.#recalled = context.memory.empty();
  }

  async ready(): Promise<void> {}

  async loaded(): Promise<void> {
    await this.context.memory.clearTouched();
    this.#arm();
  }

  requestStart(): void {}

  requestEnd(recalled: PageSet): void {
    this.#recalled = this.#recalled.union(recalled);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
  }

  /** Evicts what the system would. @param touched pages touched since the last round */
  protected abstract round(touched: PageSet): Promise<void>;

  #arm(): void {
    this.#cancelTimer = this.context.clock.after(this.#everyS, async () => {
      try {
        const recalled = this.#recalled;
        this.#recalled = this.context.memory.empty();
        await this.round((await this.context.memory.takeTouched()).union(recalled));
      } catch {
        return; // the engine tells of a lost pool by itself; nothing more is asked of it
      }
      if (!this.#closed) this.#arm();
    });
  }
}
