import { readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { BenchProgram } from "./program.ts";

const SWAP_MIB = 256;
const CONTROL = "/sys/class/zram-control";
const swapped = z.object({
  outGiBps: z.number(),
  inUsPerPage: z.number(),
  stayed: z.number(),
  pages: z.number(),
});

/** Swap to a compressed device in memory: the nearest that a stock kernel offers to far memory. */
export interface ZramLimit {
  zramOutGiBps: number;
  zramInUsPerPage: number;
}

function run(command: string[]): void {
  const done = Bun.spawnSync(command, { stdout: "pipe", stderr: "pipe" });
  if (done.success) return;
  throw new FaasmemError("NO_ZRAM", `${command.join(" ")}: ${done.stderr.toString().trim()}`, {
    fix: "the kernel needs the zram module, and this command root",
  });
}

/**
 * Sets up a zram swap device of its own with the highest priority, measures, and takes it away again.
 * Changes the machine's swap settings while it runs: only after `--allow-swap`.
 *
 * @throws FaasmemError NO_ZRAM
 */
export async function measureZram(): Promise<ZramLimit> {
  let number: string;
  try {
    Bun.spawnSync(["modprobe", "zram"], { stderr: "ignore" });
  } catch {
    // no modprobe: it may be built in
  }
  try {
    number = readFileSync(`${CONTROL}/hot_add`, "utf8").trim();
  } catch {
    throw new FaasmemError("NO_ZRAM", "zram is absent or not permitted", {
      fix: "the kernel needs the zram module, and this command root",
    });
  }
  const device = `/dev/zram${number}`;
  let on = false;
  try {
    writeFileSync(`/sys/block/zram${number}/disksize`, String((SWAP_MIB + 64) * 1024 ** 2));
    run(["mkswap", "--quiet", device]);
    run(["swapon", "--priority", "32767", device]);
    on = true;
    const program = await BenchProgram.start(["swap", String(SWAP_MIB)], null);
    try {
      const result = await program.ask(swapped);
      if (result.stayed > result.pages / 20) {
        throw new FaasmemError("NO_ZRAM", `${result.stayed} of ${result.pages} pages did not go to zram`, {
          fix: "free memory on this machine, then run it again",
        });
      }
      return { zramOutGiBps: result.outGiBps, zramInUsPerPage: result.inUsPerPage };
    } finally {
      await program.stop();
    }
  } finally {
    if (on) run(["swapoff", device]);
    writeFileSync(`${CONTROL}/hot_remove`, number);
  }
}
