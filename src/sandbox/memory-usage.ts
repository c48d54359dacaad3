import { readFile } from "node:fs/promises";

/** How local memory is measured, as outputs name it. */
export const MEMORY_METRIC = "pss";

/**
 * Proportional set size of a process and its children in bytes: what the machine really holds for it, with
 * pages that several processes share divided among them (proc_pid_smaps(5)). 0 for a process that has ended.
 */
export async function memoryUsage(pid: number): Promise<number> {
  const [own, children] = await Promise.all([pssOf(pid), childrenOf(pid)]);
  const theirs = await Promise.all(children.map(memoryUsage));
  return theirs.reduce((sum, bytes) => sum + bytes, own);
}

async function pssOf(pid: number): Promise<number> {
  try {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  try {
    const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    return list.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
