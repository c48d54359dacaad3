import type { Clock } from "../base/clock.ts";

interface Waiting {
  bytes: number;
  idleSince: number;
  answer: (granted: boolean) => void;
}

/**
 * What all sandboxes of a node together may send to the pool in semi-warm. When it is short, the sandbox that has
 * idled longest goes first: it is the one that a request will meet last.
 */
export class OffloadBandwidth {
  readonly #clock: Clock;
  readonly #bytesPerS: number;
  #waiting: Waiting[] = [];
  /** Trace time from which on there is room again. */
  #freeAt = 0;
  #timer = false;

  /** @param bytesPerS bytes in a second of trace time; Infinity: no limit */
  constructor(clock: Clock, bytesPerS = Number.POSITIVE_INFINITY) {
    this.#clock = clock;
    this.#bytesPerS = bytesPerS;
  }

  /**
   * Resolves when `bytes` may be sent: true; or at once when it is given up: false.
   * @param idleSince trace time at which the sandbox's last request ended
   */
  take(bytes: number, idleSince: number, givenUp: AbortSignal): Promise<boolean> {
    if (givenUp.aborted) return Promise.resolve(false);
    if (this.#bytesPerS === Number.POSITIVE_INFINITY) return Promise.resolve(true);
    return new Promise((answer) => {
      const waiting = { bytes, idleSince, answer };
      this.#waiting.push(waiting);
      givenUp.addEventListener(
        "abort",
        () => {
          this.#waiting = this.#waiting.filter((other) => other !== waiting);
          answer(false);
        },
        { once: true },
      );
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#timer || this.#waiting.length === 0) return;
    const wait = this.#freeAt - this.#clock.now();
    if (wait > 0) {
      this.#timer = true;
      this.#clock.after(wait, () => {
        this.#timer = false;
        this.#pump();
      });
      return;
    }
    const next = this.#waiting.reduce((a, b) => (b.idleSince < a.idleSince ? b : a));
    this.#waiting = this.#waiting.filter((other) => other !== next);
    this.#freeAt = this.#clock.now() + next.bytes / this.#bytesPerS;
    next.answer(true);
    this.#pump();
  }
}
