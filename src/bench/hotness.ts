import { z } from "zod";
import type { Tracker } from "../memory/engine.ts";
import type { MemoryEngine } from "../sandbox/attachment.ts";
import { median } from "./paging.ts";
import { BenchProgram, ready } from "./program.ts";

const TARGET_MIB = 200;
const ROUNDS = 9;

/**
 * Time to read and clear what a process of 200 MiB touched, all of it touched; median, in milliseconds. Null when
 * this machine has no tracker.
 */
export async function measureHotness(
  engine: MemoryEngine,
  notes: string[],
): Promise<{ tracker: Tracker; ms: number | null }> {
  const tracker = engine.useTracker("auto");
  if (tracker === "refault") {
    notes.push("hotness: this machine has no tracker (ebpf needs root, BTF and Linux 6.2)");
    return { tracker, ms: null };
  }
  const program = await BenchProgram.start(["target", String(TARGET_MIB)], engine);
  try {
    await program.ask(ready);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await program.ask(z.object({ dirty: z.number() }), "dirty");
      const started = performance.now();
      await program.space!.takeTouched();
      times.push(performance.now() - started);
    }
    return { tracker, ms: median(times) };
  } finally {
    await program.stop();
  }
}
