import type { PageSet } from "./engine.ts";
import type { Policy, PolicyContext } from "./policy.ts";
import { Pucket } from "./pucket.ts";

const PAGE_BYTES = 4096;

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
 * Which pages a request touches is learned from what comes back (`refault` tracker): an evicted page that
 * returns is hot and stays until the next rollback.
 */
export class FaasmemPolicy implements Policy {
  readonly #context: PolicyContext;
  readonly #on: FaasmemSwitches;
  #runtime: Pucket | undefined;
  #init: Pucket | undefined;
  #runtimePending = false;
  #requests = 0;
  #windowStart = 0;
  #lastReclaim = Number.NEGATIVE_INFINITY;
  #lastRollback = 0;
  #running = false;
  #closed = false;
  #semiWarm = false;
  /** Pages that the requests since the last eviction brought back: what the next request will want. */
  #workingSet: PageSet | undefined;
  /** Orders to the engine, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #cancelTimers: (() => void)[] = [];

  constructor(context: PolicyContext, switches: FaasmemSwitches) {
    this.#context = context;
    this.#on = switches;
  }

  get semiWarm(): boolean {
    return this.#semiWarm;
  }

  async ready(): Promise<void> {
    if (!this.#on.puckets) return;
    const { memory } = this.#context;
    this.#runtime = new Pucket(await memory.snapshot(), memory);
  }

  async loaded(): Promise<void> {
    if (!this.#on.puckets || !this.#runtime) return;
    const { memory, clock } = this.#context;
    const resident = await memory.snapshot();
    this.#init = new Pucket(resident.subtract(this.#runtime.pages), memory);
    this.#lastRollback = clock.now();
  }

  requestStart(): void {
    this.#running = true;
    this.#stopTimers();
    this.#context.memory.cancel();
    if (this.#semiWarm && this.#on.recall && this.#workingSet) {
      const wanted = this.#workingSet;
      this.#enqueue(async () => {
        await this.#context.memory.prefetch(wanted);
      });
    }
    this.#semiWarm = false;
  }

  requestEnd(): void {
    this.#running = false;
    this.#requests++;
    if (this.#requests === 1) this.#runtimePending = true;
    const { clock, settings } = this.#context;
    if (this.#on.puckets) {
      this.#enqueue(() => this.#reclaim());
      const wait = this.#lastReclaim + settings.reclaimIntervalS - clock.now();
      if (wait > 0 && this.#isDue())
        this.#cancelTimers.push(clock.after(wait, () => this.#enqueue(() => this.#reclaim())));
    }
    if (this.#on.semiWarm) {
      this.#cancelTimers.push(clock.after(settings.semiWarmDelayS, () => this.#enqueue(() => this.#cool())));
    }
  }

  close(): void {
    this.#closed = true;
    this.#stopTimers();
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
    return this.#runtimePending || this.#requests - this.#windowStart >= this.#context.settings.initWindow;
  }

  /** Evicts what the Puckets say is cold, when a window has closed and 10 s have passed. */
  async #reclaim(): Promise<void> {
    const { memory, clock, settings } = this.#context;
    const returned = await memory.takeRecalled();
    this.#runtime?.promote(returned);
    this.#init?.promote(returned);
    if (returned.pages > 0) this.#workingSet = this.#workingSet?.union(returned) ?? returned;
    if (this.#running || !this.#isDue() || clock.now() - this.#lastReclaim < settings.reclaimIntervalS)
      return;
    if (clock.now() - this.#lastRollback >= settings.rollbackS) {
      this.#runtime?.rollback();
      this.#init?.rollback();
      this.#lastRollback = clock.now();
    }
    let cold = memory.empty();
    const windowClosed = this.#requests - this.#windowStart >= settings.initWindow;
    if (this.#runtimePending && this.#runtime) cold = cold.union(this.#runtime.cold);
    if (windowClosed && this.#init) cold = cold.union(this.#init.cold);
    const { cancelled } = await memory.evict(cold);
    if (cancelled) return; // a request came: what is left goes after it
    this.#lastReclaim = clock.now();
    this.#runtimePending = false;
    if (windowClosed) this.#windowStart = this.#requests;
  }

  /** Semi-warm: all memory leaves gradually, in steps, until little is left or keep-alive is about to end. */
  async #cool(): Promise<void> {
    const { memory, clock, settings } = this.#context;
    const idleSince = clock.now() - settings.semiWarmDelayS;
    const deadline = idleSince + settings.keepAliveS - settings.semiWarmMarginS;
    const floorPages = settings.semiWarmFloorBytes / PAGE_BYTES;
    const step = async () => {
      if (this.#running || clock.now() >= deadline) return;
      const resident = await memory.snapshot();
      const spare = resident.pages - floorPages;
      if (this.#running || spare <= 0) return;
      const share = Math.ceil(resident.pages * settings.semiWarmRate * settings.semiWarmStepS);
      this.#semiWarm = true;
      const bytesPerSecond = ((share * PAGE_BYTES) / settings.semiWarmStepS) * clock.scale;
      const { cancelled } = await memory.evict(resident.first(Math.min(share, spare)), { bytesPerSecond });
      if (!cancelled && !this.#running) this.#cancelTimers.push(clock.after(0, () => this.#enqueue(step)));
    };
    await step();
  }
}
