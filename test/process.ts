import { readFileSync } from "node:fs";

/** Is there such a process, and is it more than a zombie that nobody has waited for? */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Processes whose parent, or parent's parent and so on, is `pid`. */
export function descendants(pid: number): number[] {
  const own = Bun.spawnSync(["sh", "-c", `cat /proc/${pid}/task/*/children 2>/dev/null`]).stdout.toString();
  const children = own.split(/\s+/).filter(Boolean).map(Number);
  return [...children, ...children.flatMap(descendants)];
}
