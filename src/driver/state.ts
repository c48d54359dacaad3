import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { dataFolder } from "../base/paths.ts";
import { undoStep } from "./undo.ts";

export const devices = ["zram", "file", "nvmeof", "fastswap"] as const;
export type DeviceKind = (typeof devices)[number];

/** What `faasmem driver up` did. `complete` is false while it is at work, and after it was killed. */
const driverState = z.object({
  plane: z.enum(["swap", "uffd"]),
  device: z.enum(devices).nullable(),
  /** What was asked for, to tell whether the same is asked for again. */
  wanted: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  /** Block device or file that pages go to. */
  area: z.string().nullable(),
  complete: z.boolean(),
  /** Everything but files is gone after a restart of the machine. */
  bootId: z.string(),
  /** In the order in which things were done; undone from the end. */
  undo: z.array(undoStep),
});

export type DriverState = z.infer<typeof driverState>;

const statePath = (): string => join(dataFolder(), "driver.json");

export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** @throws FaasmemError BAD_DRIVER_STATE */
export function loadState(): DriverState | null {
  const path = statePath();
  if (!existsSync(path)) return null;
  try {
    return driverState.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    throw new FaasmemError("BAD_DRIVER_STATE", `${path} cannot be understood`, {
      fix: "look at /proc/swaps, undo by hand what is left (swapoff), and remove that file",
      cause,
    });
  }
}

/** Written whole and private: it names what a later `down` will switch off and remove. */
export function saveState(state: DriverState | null): void {
  const path = statePath();
  if (!state) {
    rmSync(path, { force: true });
    return;
  }
  writeFileSync(`${path}.new`, JSON.stringify(state, null, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
