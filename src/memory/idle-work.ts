import type { Clock } from "../base/clock.ts";

/** What a policy does while its sandbox idles: orders to the engine, one after the other, and timers that a request stops. */
export class IdleWork {
  readonly #clock: Clock;
  #running = false;
  #idleSince = 0;
  #closed = false;
  #work: Promise<void> = Promise.resolve();
  #cancelTimers: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A request runs. */
  get running(): boolean {
    return this.#running;
  }

  /** When the last request ended, in trace seconds. */
  get idleSince(): number {
    return this.#idleSince;
  }

  /** The sandbox, or the engine's work for it, has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  requestStart(): void {
    this.#running = true;
    this.stopTimers();
  }

  requestEnd(): void {
    this.#running = false;
    this.#idleSince = this.#clock.now();
  }

  /** Failures of the engine end in its own events (a lost pool); the policy just stops asking. */
  enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#closed) return;
      try {
        await work();
      } catch {
        this.close();
      }
    });
  }

  /** In so many trace seconds, unless a request comes before. */
  later(seconds: number, work: () => Promise<void>): void {
    this.#cancelTimers.push(this.#clock.after(Math.max(0, seconds), () => this.enqueue(work)));
  }

  /** So many trace seconds after the last request; at once when they have passed. */
  whenIdleFor(seconds: number, work: () => Promise<void>): void {
    this.later(this.#idleSince + seconds - this.#clock.now(), work);
  }

  stopTimers(): void {
    for (const cancel of this.#cancelTimers) cancel();
    this.#cancelTimers = [];
  }

  close(): void {
    this.#closed = true;
    this.stopTimers();
  }
}
