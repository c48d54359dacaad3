import type { VirtualClock } from "./clock.ts";

interface Job {
  /** Work left, in milliseconds at full speed. */
  left: number;
  /** Cores that it keeps busy at full speed. */
  demand: number;
  done: () => void;
}

/**
 * The machine's cores, shared evenly: while the jobs together want more than there are, each goes on at the same share of
 * its speed.
 */
export class Cores {
  readonly #clock: VirtualClock;
  readonly #cores: number;
  readonly #jobs = new Set<Job>();
  #since = 0;
  #cancel = () => {};

  constructor(clock: VirtualClock, cores: number) {
    this.#clock = clock;
    this.#cores = cores;
  }

  /**
   * Does work that takes `ms` when nothing else runs.
   * @param demand cores that it keeps busy meanwhile, on average
   */
  work(ms: number, demand: number): Promise<void> {
    return new Promise((done) => {
      this.#advance();
      this.#jobs.add({ left: Math.max(0, ms), demand, done });
      this.#arm();
    });
  }

  get #speed(): number {
    let wanted = 0;
    for (const { demand } of this.#jobs) wanted += demand;
    return wanted > this.#cores ? this.#cores / wanted : 1;
  }

  #advance(): void {
    const now = this.#clock.realMs();
    const worked = (now - this.#since) * this.#speed;
    this.#since = now;
    for (const job of this.#jobs) job.left -= worked;
  }

  #arm(): void {
    this.#cancel();
    if (this.#jobs.size === 0) return;
    let least = Number.POSITIVE_INFINITY;
    for (const { left } of this.#jobs) least = Math.min(least, left);
    this.#cancel = this.#clock.afterMs(Math.max(0, least) / this.#speed, () => {
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
