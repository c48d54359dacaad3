import type { Clock } from "../base/clock.ts";
import type { QuietTimes } from "./requests-first.ts";

/** What a policy does while its sandbox idles: orders to the engine, one after the other, and timers that a request stops. */
export class IdleWork {
  readonly #clock: Clock;
  readonly #requests: QuietTimes;
  #running = false;
  #idleSince = 0;
  #closed = false;
  #work: Promise<void> = Promise.resolve();
  #cancelTimers: (() => void)[] = [];
  /** A request of this sandbox came while work waited for those of others to end. */
  #gaveWay = false;

  constructor(clock: Clock, requests: QuietTimes) {
    this.#clock = clock;
    this.#requests = requests;
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

  /**
   * When the answer of the request that has just ended is on its way, unless another comes before: a look's threads and a policy's sums
   * would otherwise go first. Work that gave way to a request, here or in `whenQuiet`, does not do so again: neither of them waits then.
   */
  afterAnswer(work: () => void): void {
    if (this.#gaveWay) {
      work();
      return;
    }
    let began = false;
    const cancel = this.#clock.after(0, () => {
      began = true;
      work();
    });
    this.#cancelTimers.push(() => {
      cancel();
      if (!began) this.#gaveWay = true;
    });
  }

  /** When the node has a processor left over, unless a request comes before; work gives way to those of others once, not twice in a row. */
  whenQuiet(work: () => Promise<void>): void {
    if (this.#gaveWay) {
      this.#gaveWay = false;
      this.enqueue(work);
      return;
    }
    const giveUp = this.#requests.whenQuiet(() => this.enqueue(work));
    this.#cancelTimers.push(() => {
      if (giveUp()) this.#gaveWay = true;
    });
  }

  /** In so many trace seconds, and when the node is quiet then, unless a request comes before. */
  later(seconds: number, work: () => Promise<void>): void {
    this.#after(seconds, () => this.whenQuiet(work));
  }

  /** The same, but requests of other sandboxes do not hold it up. */
  laterUrgent(seconds: number, work: () => Promise<void>): void {
    this.#after(seconds, () => this.enqueue(work));
  }

  #after(seconds: number, run: () => void): void {
    this.#cancelTimers.push(this.#clock.after(Math.max(0, seconds), run));
  }

  /** So many trace seconds after the last request; at once when they have passed. */
  whenIdleFor(seconds: number, work: () => Promise<void>): void {
    this.later(this.untilIdleFor(seconds), work);
  }

  /** Trace seconds until the last request was so long ago; negative when it was. */
  untilIdleFor(seconds: number): number {
    return this.#idleSince + seconds - this.#clock.now();
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
