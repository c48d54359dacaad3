import type { Barrier, PageSet } from "./engine.ts";
import { FaasmemPolicy } from "./faasmem.ts";
import type { Policy, PolicyContext } from "./policy.ts";

/**
 * FaaSMem as its artifact does it, on the kernel's multi-generational LRU: a time barrier is an aging step, a Pucket is what
 * the barrier closed, and an aging step after requests moves what they touched out of it; what is left is evicted by
 * generation. Semi-warm is that of `faasmem`.
 */
export class GenerationPolicy implements Policy {
  readonly #context: PolicyContext;
  readonly #semiWarm: FaasmemPolicy;
  #runtime: Barrier | undefined;
  #init: Barrier | undefined;
  /** Of the Pucket that leaves next: runtime, init, and after a rollback all. */
  #next: Barrier | undefined;
  #requests = 0;
  #running = false;
  #closed = false;
  #lastReclaim = Number.NEGATIVE_INFINITY;
  #lastRollback = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(context: PolicyContext) {
    this.#context = context;
    this.#semiWarm = new FaasmemPolicy(context, { puckets: false, semiWarm: true, recall: true });
  }

  get semiWarm(): boolean {
    return this.#semiWarm.semiWarm;
  }

  async ready(): Promise<void> {
    this.#runtime = await this.#generations.age();
  }

  async loaded(): Promise<void> {
    this.#init = await this.#generations.age();
    this.#next = this.#runtime;
    this.#lastRollback = this.#context.clock.now();
  }

  requestStart(): void {
    this.#running = true;
    this.#semiWarm.requestStart(); // cancels an eviction that is under way
  }

  requestEnd(recalled: PageSet): void {
    this.#running = false;
    this.#requests++;
    this.#semiWarm.requestEnd(recalled);
    this.#work = this.#work.then(() => this.#reclaim()).catch(() => this.close());
  }

  settingsChanged(): void {
    this.#semiWarm.settingsChanged();
  }

  close(): void {
    this.#closed = true;
    this.#semiWarm.close();
  }

  get #generations() {
    const { generations } = this.#context.memory;
    if (generations) return generations;
    throw new Error("no generations here: start the node with --plane swap --tracker mglru");
  }

  /** Requests that show what a Pucket's pages are wanted for: the first one, then a window of them. */
  get #window(): number {
    const { initWindow, fallbackWindow } = this.#context.settings;
    return this.#next === this.#runtime ? 1 : (initWindow ?? fallbackWindow);
  }

  async #reclaim(): Promise<void> {
    const { clock, settings } = this.#context;
    if (this.#closed || this.#running) return;
    if (!this.#next && clock.now() - this.#lastRollback >= settings.rollbackS) {
      this.#next = await this.#generations.age(); // all that there is now may leave, unless requests touch it
      this.#lastRollback = clock.now();
      this.#requests = 0;
      return;
    }
    const first = this.#next === this.#runtime;
    if (!this.#next || this.#requests < this.#window) return;
    if (!first && clock.now() - this.#lastReclaim < settings.reclaimIntervalS) return;
    await this.#generations.age(); // what the requests touched goes to a later generation
    if (this.#running) return;
    const { cancelled } = await this.#generations.evict(this.#next);
    if (cancelled) return; // a request came: what is left goes after it
    this.#lastReclaim = clock.now();
    this.#requests = 0;
    this.#next = first ? this.#init : undefined;
  }
}
