import { existsSync } from "node:fs";
import { FaasmemError } from "../base/errors.ts";
import { activeSwaps } from "./proc-swaps.ts";
import { swapon } from "./swapon.ts";
import { runTool } from "./tool.ts";
import type { UndoStep } from "./undo.ts";

/** Highest that swapon(2) takes: pages go here first, whatever other swap there is. */
export const HIGHEST_PRIORITY = 32767;

/** What a device's set-up works with: it says what it did, and how to undo it, before the next thing is done. */
export interface Steps {
  /** Keeps the order to undo what is done next, or was just done. */
  undoBy(step: UndoStep): void;
  /** A line for people. */
  did(line: string): void;
}

/**
 * Loads a module of the running kernel unless it is there or built in.
 * @param proof a path that exists when the module is there
 * @throws FaasmemError `code` when the kernel does not have it
 */
export async function loadModule(
  name: string,
  proof: string,
  steps: Steps,
  failure: { code: string; message: string; fix: string },
): Promise<void> {
  if (existsSync(proof)) return;
  try {
    await runTool(["modprobe", name], failure.code, failure.fix);
  } catch (cause) {
    throw new FaasmemError(failure.code, failure.message, { fix: failure.fix, cause });
  }
  if (!existsSync(proof)) throw new FaasmemError(failure.code, failure.message, { fix: failure.fix });
  steps.undoBy({ kind: "module", name: name.replaceAll("-", "_") });
  steps.did(`module ${name} loaded`);
}

/** Formats an area and swaps to it, before any other swap. @throws FaasmemError SWAPON, NO_TOOL */
export async function swapOn(area: string, steps: Steps): Promise<void> {
  await runTool(["mkswap", area], "SWAPON", "choose another --size");
  steps.undoBy({ kind: "swapoff", area });
  const error = swapon(area, HIGHEST_PRIORITY);
  if (error !== null) {
    throw new FaasmemError("SWAPON", `the kernel does not swap to ${area} (${error})`, {
      fix: "see the kernel log (dmesg): the file system may not allow swap files, or swap is limited here",
    });
  }
  const first = activeSwaps().find((swap) => swap.area === area);
  if (!first) {
    throw new FaasmemError("SWAPON", `${area} is not among the swaps that are on`, {
      fix: "see /proc/swaps",
    });
  }
  steps.did(`swap on ${area}, priority ${first.priority}`);
}
