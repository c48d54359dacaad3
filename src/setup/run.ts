import { FaasmemError, toFaasmemError } from "../base/errors.ts";
import type { Machine } from "./machine.ts";
import type { SetupState } from "./state.ts";
import type { Check, Step } from "./step.ts";
import { takeBack } from "./undo.ts";

/** A step as it was found. */
export interface StepStatus {
  id: string;
  title: string;
  state: Check["state"];
  now: string;
  /** What applying it does; null when there is nothing to do. */
  would: string | null;
  /** What helps when it is blocked. */
  fix: string | null;
}

/** What came of a change that was to be taken back. */
export interface Undone {
  step: string;
  result: string;
}

/** Looks at every step; changes nothing. */
export async function checkSteps(steps: readonly Step[]): Promise<StepStatus[]> {
  const all: StepStatus[] = [];
  for (const step of steps) {
    const check = await step.check();
    all.push({
      id: step.id,
      title: step.title,
      state: check.state,
      now: check.now,
      would: check.state === "todo" || check.state === "waiting" ? step.would : null,
      fix: check.state === "blocked" ? check.fix : null,
    });
  }
  return all;
}

/** @throws FaasmemError NOT_ROOT */
export function assertRoot(machine: Machine, command: string): void {
  if (machine.uid === 0) return;
  throw new FaasmemError("NOT_ROOT", `${command} changes this machine: only root may do that`, {
    fix: `sudo ${command}; --check and --dry-run work for everybody`,
  });
}

/** @throws FaasmemError BLOCKED: of the first step that cannot be done here */
export function assertPossible(status: readonly StepStatus[]): void {
  const first = status.find((one) => one.state === "blocked");
  if (!first) return;
  throw new FaasmemError("BLOCKED", `${first.title}: ${first.now}; nothing was changed`, { fix: first.fix! });
}

/**
 * Brings about every step that is not so already, in order. What was done before a failure stays, is written down,
 * and the next run goes on from there.
 *
 * @param tell called before and after each step
 * @param stopped true when the user wants no further step
 * @throws FaasmemError of the step that failed; STOPPED
 */
export async function applySteps(
  steps: readonly Step[],
  state: SetupState,
  tell: { begin(step: Step): void; end(step: Step, check: Check): void },
  stopped: () => boolean = () => false,
): Promise<void> {
  for (const step of steps) {
    if (stopped()) throw stoppedBefore(step);
    const before = await step.check();
    if (before.state === "todo") {
      tell.begin(step);
      try {
        await step.apply((made) => state.add(step.id, made));
      } catch (thrown) {
        if (stopped()) throw stoppedBefore(step);
        const error = toFaasmemError(thrown);
        throw new FaasmemError(error.code, `${step.title}: ${error.message}`, {
          fix: error.fix,
          cause: error,
        });
      }
    }
    const after = before.state === "todo" ? await step.check() : before;
    tell.end(step, after);
    if (after.state === "blocked") {
      throw new FaasmemError("BLOCKED", `${step.title}: ${after.now}`, { fix: after.fix });
    }
    if (after.state === "todo") {
      throw new FaasmemError("NO_EFFECT", `${step.title}: it was done, and still is not so: ${after.now}`, {
        fix: "something on this machine sets it back: see its configuration management",
      });
    }
  }
}

const stoppedBefore = (step: Step) =>
  new FaasmemError("STOPPED", `stopped before or in: ${step.title}`, {
    fix: "run it again to go on, or with --undo to take back what was done",
    kind: "stopped",
  });

/**
 * Takes back every change, the last one first. One that cannot be taken back now is kept for the next time, and
 * what was made before it, too.
 *
 * @throws FaasmemError of the change that could not be taken back
 */
export async function undoAll(
  machine: Machine,
  state: SetupState,
  tell: (undone: Undone) => void,
): Promise<void> {
  for (const { step, change } of state.changes.toReversed()) {
    tell({ step, result: await takeBack(machine, change) });
    state.drop(change);
  }
}
