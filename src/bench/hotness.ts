import { z } from "zod";
import { median } from "../base/quantile.ts";
import type { Tracker } from "../memory/engine.ts";
import type { MemoryEngine } from "../sandbox/attachment.ts";
import { BenchProgram, ready } from "./program.ts";

const TARGET_MIB = 200;
const ROUNDS = 9;

const PAGES = TARGET_MIB * 256;

/**
 * Time to read and clear what a process of 200 MiB touched, all of it touched, and what each page then costs the
 * program more when it touches it again; medians, in milliseconds and microseconds. Null when this machine has no tracker.
 */
export async function measureHotness(
  engine: MemoryEngine,
  notes: string[],
): Promise<{ tracker: Tracker; ms: number | null; lookUsPerPage: number | null }> {
  const tracker = engine.useTracker("auto");
  if (tracker === "refault") {
    notes.push("hotness: this machine has no tracker (ebpf needs root, BTF and Linux 6.2)");
    return { tracker, ms: null, lookUsPerPage: null };
  }
  const program = await BenchProgram.start(["target", String(TARGET_MIB)], engine);
  try {
    await program.ask(ready);
    const [times, after]: [number[], number[]] = [[], []];
    const dirty = async () => {
      const started = performance.now();
      await program.ask(z.object({ dirty: z.number() }), "dirty");
      return performance.now() - started;
    };
    for (let round = 0; round < ROUNDS; round++) {
      const cleared = await dirty();
      const undisturbed = await dirty();
      if (round > 0) after.push(cleared - undisturbed); // before the first round nothing was cleared
      const started = performance.now();
      await program.space!.takeTouched();
      times.push(performance.now() - started);
    }
    return { tracker, ms: median(times), lookUsPerPage: Math.max(0, (median(after) / PAGES) * 1000) };
  } finally {
    await program.stop();
  }
}
