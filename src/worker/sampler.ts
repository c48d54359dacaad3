import type { Clock } from "../base/clock.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { QuietTimes } from "../memory/requests-first.ts";
import type { FunctionPool } from "./pool.ts";

/** Memory of one function's sandboxes: the last sample, and integrals over trace time since the start. */
export interface MemoryLevels {
  localBytes: number;
  remoteBytes: number;
  localByteSeconds: number;
  remoteByteSeconds: number;
}

/**
 * Samples the memory of all sandboxes at a fixed real period; a slow sample delays the next, never piles up. It lets requests go first:
 * the kernel walks all page tables of sixteen sandboxes for 10 ms, in the middle of a burst that takes 70.
 */
export class MemorySampler {
  readonly #clock: Clock;
  readonly #pools: ReadonlyMap<string, FunctionPool>;
  readonly #requests: QuietTimes;
  readonly #levels = new Map<string, MemoryLevels>();
  readonly #periodMs: number;
  #last: number;
  #stopped = false;

  constructor(clock: Clock, pools: ReadonlyMap<string, FunctionPool>, requests: QuietTimes, periodMs = 250) {
    this.#clock = clock;
    this.#pools = pools;
    this.#requests = requests;
    this.#periodMs = periodMs;
    this.#last = clock.now();
    this.#loop();
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      const started = performance.now();
      await new Promise<void>((resolve) => this.#requests.whenQuiet(resolve));
      await this.#sample();
      await Bun.sleep(Math.max(10, this.#periodMs - (performance.now() - started)));
    }
  }

  async #sample(): Promise<void> {
    const samples: [string, number, number][] = [];
    for (const [name, pool] of this.#pools) {
      const sandboxes = pool.sandboxes;
      const local = await Promise.all(sandboxes.map((sandbox) => sandbox.localBytes()));
      const remote = sandboxes.map((sandbox) => (sandbox.space?.stats().remotePages ?? 0) * PAGE_BYTES);
      samples.push([name, sum(local), sum(remote)]);
    }
    const now = this.#clock.now();
    const passed = now - this.#last;
    this.#last = now;
    for (const [name, localBytes, remoteBytes] of samples) {
      const before = this.levels(name);
      // Trapezoid between two samples.
      this.#levels.set(name, {
        localBytes,
        remoteBytes,
        localByteSeconds: before.localByteSeconds + ((before.localBytes + localBytes) / 2) * passed,
        remoteByteSeconds: before.remoteByteSeconds + ((before.remoteBytes + remoteBytes) / 2) * passed,
      });
    }
  }

  /** Trace time of the last sample: what the integrals run to. */
  get sampledAt(): number {
    return this.#last;
  }

  levels(name: string): MemoryLevels {
    return (
      this.#levels.get(name) ?? { localBytes: 0, remoteBytes: 0, localByteSeconds: 0, remoteByteSeconds: 0 }
    );
  }

  stop(): void {
    this.#stopped = true;
  }
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
