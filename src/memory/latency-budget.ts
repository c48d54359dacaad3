import { quantile } from "../base/quantile.ts";

/** Undisturbed durations that the yardstick is made of, and how many there must be before the first verdict. */
const UNDISTURBED = 100;
const ENOUGH = 20;
/** Requests between two verdicts: each is about those since the last. */
const VERDICT = 40;
/** Each level doubles delays and windows and halves steps. */
const MOST = 5;

/**
 * Keeps a function's P95 within its budget: compares recent requests with those that far memory had no part in, and
 * has the policy back off while they are too slow.
 */
export class LatencyBudget {
  #undisturbed: number[] = [];
  #recent: number[] = [];
  #verdictP95: number | null = null;
  #level = 0;

  /**
   * A warm or semi-warm request ended.
   * @param ms its duration, in milliseconds of real time
   * @param undisturbed no page of its sandbox was away
   * @param budget allowed growth of the P95, 0.1 = 10 %
   */
  record(ms: number, undisturbed: boolean, budget: number): void {
    if (undisturbed) this.#undisturbed = [...this.#undisturbed, ms].slice(-UNDISTURBED);
    this.#recent.push(ms);
    const usual = this.undisturbedP95Ms;
    if (this.#recent.length < VERDICT || this.#undisturbed.length < ENOUGH || usual === null) {
      if (this.#recent.length > VERDICT) this.#recent.shift();
      return;
    }
    const recent = quantile(this.#recent, 0.95)!;
    if (recent > usual * (1 + budget)) this.#level = Math.min(MOST, this.#level + 1);
    else if (recent <= usual * (1 + budget / 2)) this.#level = Math.max(0, this.#level - 1);
    this.#verdictP95 = recent;
    this.#recent = [];
  }

  /** 1 within the budget; doubles with each step back. Delays and windows are multiplied by it, steps divided. */
  get factor(): number {
    return 2 ** this.#level;
  }

  get undisturbedP95Ms(): number | null {
    return quantile(this.#undisturbed, 0.95) ?? null;
  }

  /** What the last verdict was about; null before the first. */
  get recentP95Ms(): number | null {
    return this.#verdictP95;
  }
}
