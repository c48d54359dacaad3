import { existsSync, rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { formatMiB } from "../base/units.ts";
import { activeSwaps } from "./proc-swaps.ts";
import { runTool } from "./tool.ts";

/** One thing that was done to the machine, as the order to undo it. */
export const undoStep = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("swapoff"), area: z.string() }),
  z.object({ kind: z.literal("zram"), number: z.number() }),
  z.object({ kind: z.literal("remove-file"), path: z.string() }),
  z.object({ kind: z.literal("module"), name: z.string() }),
  z.object({ kind: z.literal("nvme"), controller: z.string() }),
  z.object({ kind: z.literal("sysctl"), path: z.string(), before: z.string() }),
]);

export type UndoStep = z.infer<typeof undoStep>;

/**
 * Undoes one step. What is not there any more counts as undone.
 * @returns what was done, as a line for people
 * @throws FaasmemError SWAPOFF, NO_TOOL, MODULE, ...
 */
export async function undo(step: UndoStep): Promise<string> {
  switch (step.kind) {
    case "swapoff": {
      const swap = activeSwaps().find(({ area }) => area === step.area);
      if (!swap) return `${step.area} is off already`;
      await swapOff(step.area, swap.usedBytes);
      return `swap on ${step.area} off, ${formatMiB(swap.usedBytes)} MiB brought back`;
    }
    case "zram":
      if (!existsSync(`/sys/block/zram${step.number}`)) return `zram${step.number} is gone already`;
      writeFileSync("/sys/class/zram-control/hot_remove", String(step.number));
      return `zram${step.number} removed`;
    case "remove-file":
      rmSync(step.path, { force: true });
      return `${step.path} removed`;
    case "module":
      if (!existsSync(`/sys/module/${step.name}`)) return `module ${step.name} is out already`;
      await runTool(["rmmod", step.name], "MODULE", "end what uses the module (lsmod), then run it again");
      return `module ${step.name} out`;
    case "nvme": {
      const path = `/sys/class/nvme/${step.controller}/delete_controller`;
      if (!existsSync(path)) return `${step.controller} is disconnected already`;
      writeFileSync(path, "1");
      return `${step.controller} disconnected`;
    }
    case "sysctl":
      writeFileSync(step.path, step.before);
      return `${step.path} is ${step.before} again`;
  }
}

async function swapOff(area: string, usedBytes: number): Promise<void> {
  try {
    await runTool(["swapoff", area], "SWAPOFF", "free memory or stop sandboxes, then run it again");
  } catch (error) {
    if (!(error instanceof FaasmemError) || error.code !== "SWAPOFF") throw error;
    throw new FaasmemError(
      "SWAPOFF",
      `${formatMiB(usedBytes)} MiB in ${area} cannot be brought back: ${error.message}`,
      { fix: error.fix, cause: error },
    );
  }
}
