import { readFileSync } from "node:fs";
import type { MemoryEngine } from "../sandbox/attachment.ts";
import { BenchProgram, ready } from "./program.ts";

const SECONDS = 5;
/** Ticks of /proc/PID/stat in a second: the kernel's USER_HZ, 100 on every supported architecture. */
const TICKS = 100;

/** Processor time of a process so far, in seconds (utime + stime of proc_pid_stat(5)). */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/**
 * Processor use of the engine's process, the memory server and the agents while `count` sandboxes, all of
 * whose memory is far, do nothing; in percent of one core.
 */
export async function measureIdle(engine: MemoryEngine, serverPid: number, count: number): Promise<number> {
  const programs: BenchProgram[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const program = await BenchProgram.start(["target", "1"], engine);
      programs.push(program);
      await program.ask(ready);
      await program.space!.evict(await program.space!.snapshot());
    }
    const pids = [process.pid, serverPid, ...programs.map((program) => program.pid)];
    await Bun.sleep(1000);
    const total = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    const [before, started] = [total(), performance.now()];
    await Bun.sleep(SECONDS * 1000);
    return ((total() - before) / ((performance.now() - started) / 1000)) * 100;
  } finally {
    await Promise.all(programs.map((program) => program.stop()));
  }
}
