import type { Facts } from "./facts.ts";

/** Numbers of capabilities(7): include/uapi/linux/capability.h. */
export const CAP_SYS_PTRACE = 19;
export const CAP_SYS_ADMIN = 21;

/** Who runs this, of /proc/self/status (proc_pid_status(5)). */
export interface Identity {
  root: boolean;
  has(capability: number): boolean;
}

export async function identity(facts: Facts): Promise<Identity> {
  const status = (await facts.read("/proc/self/status")) ?? "";
  const effective = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return {
    root: /^Uid:\s+\d+\s+0\s/m.test(status),
    has: (capability) => ((effective >> BigInt(capability)) & 1n) === 1n,
  };
}

/** Major and minor number of the running kernel, as 6.08 would be [6, 8]; null when it does not tell. */
export async function kernelVersion(facts: Facts): Promise<[major: number, minor: number] | null> {
  const match = /^(\d+)\.(\d+)/.exec((await facts.read("/proc/sys/kernel/osrelease")) ?? "");
  return match ? [Number(match[1]), Number(match[2])] : null;
}

/** Is the kernel at least this one? An untold version counts as old. */
export async function kernelAtLeast(facts: Facts, major: number, minor: number): Promise<boolean> {
  const version = await kernelVersion(facts);
  return version !== null && (version[0] > major || (version[0] === major && version[1] >= minor));
}
