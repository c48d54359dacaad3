import { availableParallelism } from "node:os";
import type { Clock } from "../base/clock.ts";

/** Work waits no longer than this for requests to end, in milliseconds of real time: they may wait for something that is not a processor. */
const MOST_WAIT_MS = 500;

/**
 * Lets the requests of a node go before work that can wait: looks at accessed bits and evictions take processor time that the other
 * requests of a burst need.
 */
export class RequestsFirst {
  readonly #clock: Clock;
  readonly #cores: number;
  #requests = 0;
  readonly #waiting = new Set<() => void>();

  /** @param cores processors that the node's requests share */
  constructor(clock: Clock, cores = availableParallelism()) {
    this.#clock = clock;
    this.#cores = cores;
  }

  /** A request has come to the node; it may have to wait for a cold start. */
  requestStarted(): void {
    this.#requests++;
  }

  /** It has been answered. */
  requestEnded(): void {
    this.#requests--;
    if (this.#isQuiet) for (const go of [...this.#waiting]) go();
  }

  /**
   * Runs `work` at once where a processor is left over, else when one is, and in any case after half a second of real time.
   * @returns gives it up; true when it had not begun
   */
  whenQuiet(work: () => void): () => boolean {
    if (this.#isQuiet) {
      work();
      return () => false;
    }
    const giveUp = () => {
      cancelTimer();
      return this.#waiting.delete(go);
    };
    const go = () => {
      giveUp();
      work();
    };
    const cancelTimer = this.#clock.after((MOST_WAIT_MS / 1000) * this.#clock.scale, go);
    this.#waiting.add(go);
    return giveUp;
  }

  get #isQuiet(): boolean {
    return this.#requests < this.#cores;
  }
}

/** What work needs that lets requests go first. */
export type QuietTimes = Pick<RequestsFirst, "whenQuiet">;
