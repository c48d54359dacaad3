import type { VirtualClock } from "./clock.ts";

interface Job {
  /** Work left, in milliseconds of what it takes alone. */
  left: number;
  /** How many jobs of one core it counts as. */
  weight: number;
  done: () => void;
}

/** How many times longer work takes when so many jobs run at once. */
export type Slowdown = readonly { requests: number; factor: number }[];

/** The machine's cores: what runs at once slows each other down as was measured. */
export class Cores {
  readonly count: number;
  readonly #clock: VirtualClock;
  readonly #slowdown: Slowdown;
  readonly #jobs = new Set<Job>();
  #running = 0;
  #since = 0;
  #cancelTimer = () => {};

  /** @param slowdown measured points, by ascending number of jobs, from 2 on */
  constructor(clock: VirtualClock, slowdown: Slowdown, count: number) {
    this.count = count;
    this.#clock = clock;
    this.#slowdown = [{ requests: 1, factor: 1 }, ...slowdown];
  }

  /** Does work that takes `ms` alone. */
  work(ms: number): Promise<void> {
    return new Promise((done) => {
      this.start(ms, 1, done);
    });
  }

  /**
   * Begins work that takes `ms` alone.
   * @param weight how many jobs of one core it counts as; below one for work that waits most of the time
   * @returns ends it before its time, and tells the share of it that was done
   */
  start(ms: number, weight: number, done: () => void): () => number {
    this.#advance();
    const job = { left: Math.max(0, ms), weight, done };
    this.#jobs.add(job);
    this.#running += weight;
    this.#arm();
    return () => {
      this.#advance();
      this.#remove(job);
      this.#arm();
      return ms > 0 ? Math.min(1, 1 - job.left / ms) : 1;
    };
  }

  #remove(job: Job): void {
    if (this.#jobs.delete(job)) this.#running -= job.weight;
  }

  /** Straight lines between the measured points; beyond the last one, every job gets an equal part of the cores. */
  get #factor(): number {
    const above = this.#slowdown.findIndex(({ requests }) => requests >= this.#running);
    if (above < 0) {
      const last = this.#slowdown.at(-1)!;
      return last.factor * (this.#running / last.requests);
    }
    const high = this.#slowdown[above]!;
    const low = this.#slowdown[above - 1] ?? high;
    const span = high.requests - low.requests;
    return low.factor + (span > 0 ? ((this.#running - low.requests) / span) * (high.factor - low.factor) : 0);
  }

  #advance(): void {
    const now = this.#clock.realMs();
    const worked = (now - this.#since) / this.#factor;
    this.#since = now;
    for (const job of this.#jobs) job.left -= worked;
  }

  #arm(): void {
    this.#cancelTimer();
    if (this.#jobs.size === 0) return;
    let least = Number.POSITIVE_INFINITY;
    for (const { left } of this.#jobs) least = Math.min(least, left);
    this.#cancelTimer = this.#clock.afterMs(Math.max(0, least) * this.#factor, () => {
      this.#advance();
      // What ends at the same moment ends together, whatever rounding says.
      for (const job of this.#jobs) {
        if (job.left > 1e-6) continue;
        this.#remove(job);
        job.done();
      }
      this.#arm();
    });
  }
}
