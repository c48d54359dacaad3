import type { VirtualClock } from "./clock.ts";

interface Job {
  /** Work left, in milliseconds of what it takes alone. */
  left: number;
  done: () => void;
}

/** How many times longer work takes when so many jobs run at once. */
export type Slowdown = readonly { requests: number; factor: number }[];

/** The machine's cores: what runs at once slows each other down as was measured. */
export class Cores {
  readonly #clock: VirtualClock;
  readonly #slowdown: Slowdown;
  readonly #jobs = new Set<Job>();
  #since = 0;
  #cancel = () => {};

  /** @param slowdown measured points, by ascending number of jobs, from 2 on */
  constructor(clock: VirtualClock, slowdown: Slowdown) {
    this.#clock = clock;
    this.#slowdown = [{ requests: 1, factor: 1 }, ...slowdown];
  }

  /** Does work that takes `ms` alone. */
  work(ms: number): Promise<void> {
    return new Promise((done) => {
      this.#advance();
      this.#jobs.add({ left: Math.max(0, ms), done });
      this.#arm();
    });
  }

  /** Straight lines between the measured points; beyond the last one, every job gets an equal part of the cores. */
  get #factor(): number {
    const jobs = this.#jobs.size;
    const above = this.#slowdown.findIndex(({ requests }) => requests >= jobs);
    if (above < 0) {
      const last = this.#slowdown.at(-1)!;
      return last.factor * (jobs / last.requests);
    }
    const high = this.#slowdown[above]!;
    const low = this.#slowdown[above - 1] ?? high;
    const span = high.requests - low.requests;
    return low.factor + (span > 0 ? ((jobs - low.requests) / span) * (high.factor - low.factor) : 0);
  }

  #advance(): void {
    const now = this.#clock.realMs();
    const worked = (now - this.#since) / this.#factor;
    this.#since = now;
    for (const job of this.#jobs) job.left -= worked;
  }

  #arm(): void {
    this.#cancel();
    if (this.#jobs.size === 0) return;
    let least = Number.POSITIVE_INFINITY;
    for (const { left } of this.#jobs) least = Math.min(least, left);
    this.#cancel = this.#clock.afterMs(Math.max(0, least) * this.#factor, () => {
      this.#advance();
      // What ends at the same moment ends together, whatever rounding says.
      for (const job of this.#jobs) {
        if (job.left > 1e-6) continue;
        this.#jobs.delete(job);
        job.done();
      }
      this.#arm();
    });
  }
}
