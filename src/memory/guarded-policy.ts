import type { Clock } from "../base/clock.ts";
import { baseline } from "./baseline.ts";
import type { PageSet } from "./engine.ts";
import type { Policy, PolicyContext, PolicyFactory } from "./policy.ts";

/**
 * A policy that cannot hurt anybody: whatever it throws, now or in a timer, is reported once, and from then on the
 * sandbox goes on under baseline. Pages that are away come back when they are touched, as always.
 */
class GuardedPolicy implements Policy {
  #policy: Policy = baseline;
  readonly #context: PolicyContext;
  readonly #report: (error: unknown) => void;
  #failed = false;

  constructor(make: PolicyFactory, context: PolicyContext, report: (error: unknown) => void) {
    this.#context = context;
    this.#report = report;
    this.#policy = this.#guard(
      () => make({ ...context, clock: this.#clock(), requests: this.#requests() }),
      baseline,
    );
  }

  get semiWarm(): boolean {
    return this.#guard(() => this.#policy.semiWarm === true, false);
  }

  get segments() {
    return this.#guard(() => this.#policy.segments, undefined);
  }

  ready = () => this.#wait(() => this.#policy.ready());
  loaded = () => this.#wait(() => this.#policy.loaded());
  requestStart = () => this.#guard(() => this.#policy.requestStart(), undefined);
  requestEnd = (recalled: PageSet) => this.#guard(() => this.#policy.requestEnd(recalled), undefined);
  settingsChanged = () => this.#guard(() => this.#policy.settingsChanged?.(), undefined);
  close = () => this.#guard(() => this.#policy.close(), undefined);

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    const failed = this.#policy;
    this.#policy = baseline;
    this.#context.memory.cancel();
    this.#report(error);
    try {
      failed.close();
    } catch {
      // reported already
    }
  }

  /** A method that must not be asynchronous may be, by mistake: what it rejects with counts too. */
  #guard<T>(run: () => T, otherwise: T): T {
    try {
      const result = run();
      if (result instanceof Promise) result.catch((error) => this.#fail(error));
      return result;
    } catch (error) {
      this.#fail(error);
      return otherwise;
    }
  }

  async #wait(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What the policy has run later is its code too, and none of it runs after it failed. */
  #later(run: () => void): () => void {
    return () => {
      if (!this.#failed) this.#guard(run, undefined);
    };
  }

  #requests(): PolicyContext["requests"] {
    const { requests } = this.#context;
    return { whenQuiet: (work) => requests.whenQuiet(this.#later(work)) };
  }

  #clock(): Clock {
    const { clock } = this.#context;
    return {
      scale: clock.scale,
      now: () => clock.now(),
      realMs: () => clock.realMs(),
      sleep: (seconds) => clock.sleep(seconds),
      after: (seconds, run) => clock.after(seconds, this.#later(run)),
    };
  }
}

/** Wraps a factory so that its policies cannot hurt anybody. @param report gets what one threw */
export const guarded =
  (make: PolicyFactory, report: (error: unknown) => void): PolicyFactory =>
  (context) =>
    new GuardedPolicy(make, context, report);
