import type { Clock } from "./clock.ts";

/** A clock that a test moves by hand. */
export class ManualClock implements Clock {
  readonly scale = 1;
  #now = 0;
  #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  realMs(): number {
    return this.#now * 1000;
  }

  after(seconds: number, run: () => void): () => void {
    const timer = { at: this.#now + seconds, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  sleep(seconds: number): Promise<void> {
    return new Promise((resolve) => this.after(seconds, resolve));
  }

  /** Lets time pass: runs what is due in its order, and gives promises their turn after each. */
  async pass(seconds: number): Promise<void> {
    const end = this.#now + seconds;
    for (;;) {
      await Bun.sleep(0);
      const next = this.#timers.toSorted((a, b) => a.at - b.at)[0];
      if (!next || next.at > end) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
    await Bun.sleep(0);
  }
}
