import { realpathSync } from "node:fs";
import { FaasmemError, toFaasmemError } from "../base/errors.ts";
import { withLock } from "./lock.ts";
import { activeSwaps } from "./proc-swaps.ts";
import { bootId, type DeviceKind, type DriverState, loadState, saveState } from "./state.ts";
import type { Steps } from "./steps.ts";
import { undo } from "./undo.ts";

/** What `driver up` is asked for. */
export interface SwapRequest {
  device: DeviceKind;
  /** All options, by name; the same ones again mean the same swap. */
  wanted: DriverState["wanted"];
  /** Sets the device up and swaps to it. @returns the area, as in /proc/swaps */
  setUp: (steps: Steps) => Promise<string>;
}

export interface UpResult {
  state: DriverState;
  /** False when it was there already. */
  changed: boolean;
}

/**
 * Sets a swap up for the swap plane. When it is there already, nothing is done; what was left half done is undone first.
 * A failure undoes what was done before it.
 * @param tell gets a line for each thing done
 * @throws FaasmemError NOT_PERMITTED, DRIVER_IS_UP, and what the device throws
 */
export function swapUp(request: SwapRequest, tell: (line: string) => void): Promise<UpResult> {
  assertRoot();
  return withLock(async () => {
    const before = loadState();
    if (before && isOn(before)) {
      if (Bun.deepEquals(before.wanted, request.wanted) && before.device === request.device)
        return { state: before, changed: false };
      throw new FaasmemError("DRIVER_IS_UP", `a ${before.device} swap is up already, on ${before.area}`, {
        fix: "take it down first: faasmem driver down",
        kind: "usage",
      });
    }
    if (before) await undoAll(before, tell);
    const state: DriverState = {
      plane: "swap",
      device: request.device,
      wanted: request.wanted,
      area: null,
      complete: false,
      bootId: bootId(),
      undo: [],
    };
    try {
      const area = await request.setUp({
        undoBy: (step) => {
          state.undo.push(step);
          saveState(state);
        },
        did: tell,
      });
      state.area = realpathSync(area);
      state.complete = true;
      saveState(state);
      return { state, changed: true };
    } catch (thrown) {
      await undoAll(state, tell);
      throw thrown;
    }
  });
}

/** Is what the state describes there and in use? */
export function isOn(state: DriverState): boolean {
  if (state.plane === "uffd") return true;
  return state.complete && state.bootId === bootId() && activeSwaps().some(({ area }) => area === state.area);
}

/**
 * Undoes what `up` did, the last thing first. What cannot be undone stays noted, so that it can be run again.
 * @returns false when there was nothing to undo
 * @throws FaasmemError NOT_PERMITTED, SWAPOFF, ...
 */
export function driverDown(tell: (line: string) => void): Promise<boolean> {
  return withLock(async () => {
    const state = loadState();
    if (!state) return false;
    if (state.undo.length > 0) assertRoot();
    await undoAll(state, tell);
    return true;
  });
}

async function undoAll(state: DriverState, tell: (line: string) => void): Promise<void> {
  // After a restart of the machine only files are left of it; a device with an old number may be somebody else's.
  if (state.bootId !== bootId()) {
    state.undo = state.undo.filter(({ kind }) => kind === "remove-file");
    tell("the machine was restarted since: what it forgot is not undone");
  }
  while (state.undo.length > 0) {
    const line = await undo(state.undo.at(-1)!).catch((error) => {
      saveState(state);
      throw toFaasmemError(error);
    });
    tell(line);
    state.undo.pop();
    saveState(state);
  }
  saveState(null);
}

function assertRoot(): void {
  if (process.geteuid!() === 0) return;
  throw new FaasmemError("NOT_PERMITTED", "swap settings are the machine's: only root may change them", {
    fix: "run it as root",
  });
}
