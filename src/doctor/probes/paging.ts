import type { TrialResult } from "../../../ffi/trial.ts";
import { denied, no, off, type Probe, unknown, yes } from "../capability.ts";
import type { Facts } from "../facts.ts";
import { CAP_SYS_PTRACE, identity, kernelAtLeast } from "../identity.ts";

const ENOENT = 2;
const EACCES = 13;
const ENOSYS = 38;
const ENOTTY = 25;
/** UFFD_FEATURE_MOVE of include/uapi/linux/userfaultfd.h. */
const FEATURE_MOVE = 1 << 16;

export const NEWER_KERNEL =
  "boot Linux 6.8 or newer (Debian 12: linux-image-amd64 of bookworm-backports; Ubuntu 24.04 has it)";

/** Where the privilege is missing: on the host the user is not root, in a container it was not given. */
async function privilegeFix(facts: Facts, container: string): Promise<string> {
  return (await identity(facts)).root ? container : "run as root";
}

/** The first of these attempts that the kernel granted. */
async function firstGranted(facts: Facts): Promise<TrialResult | null> {
  for (const name of ["userfaultfd", "userfaultfd-device", "userfaultfd-user"] as const) {
    const result = await facts.trial(name);
    if (result?.errno === 0) return result;
  }
  return null;
}

const userfaultfd: Probe = {
  id: "userfaultfd",
  enables: "plane uffd: pages of any process leave and come back on a stock kernel",
  look: async (facts) => {
    const [call, device, user, fork] = await Promise.all([
      facts.trial("userfaultfd"),
      facts.trial("userfaultfd-device"),
      facts.trial("userfaultfd-user"),
      facts.trial("userfaultfd-fork"),
    ]);
    if (!call) return unknown("the attempt was killed or gave no answer");
    if (call.errno === 0 && fork?.errno === 0) return yes("faults of system calls and forks are told");
    if (call.errno === ENOSYS && (await facts.config("USERFAULTFD")) !== "y") {
      return no("the kernel has none", "boot a kernel with CONFIG_USERFAULTFD=y");
    }
    const fix = await privilegeFix(
      facts,
      "start the container with --cap-add SYS_PTRACE and a seccomp profile that allows userfaultfd",
    );
    if (call.errno === 0) return denied("granted, but not the events of forks (CAP_SYS_PTRACE)", fix);
    if (device?.errno === 0) return denied("granted by /dev/userfaultfd only, without events of forks", fix);
    if (user?.errno === 0) return denied("granted for faults of user code only", fix);
    return denied(`refused (errno ${call.errno})`, fix);
  },
};

const uffdMove: Probe = {
  id: "uffd-move",
  enables: "plane uffd: exact eviction (UFFDIO_MOVE)",
  look: async (facts) => {
    const size = await facts.trial("page-size");
    if (size && size.errno !== 0) {
      return no(`pages of ${size.value} bytes`, "boot a kernel with pages of 4096 bytes");
    }
    const granted = await firstGranted(facts);
    if (granted && (granted.value & FEATURE_MOVE) !== 0) return yes("the kernel says so");
    if (granted || !(await kernelAtLeast(facts, 6, 8))) return no("needs Linux 6.8", NEWER_KERNEL);
    return yes("by the kernel's version: nothing was granted to ask with");
  },
};

const pagemapScan: Probe = {
  id: "pagemap-scan",
  enables: "finding resident pages fast",
  look: async (facts) => {
    const result = await facts.trial("pagemap-scan");
    if (!result) return unknown("the attempt gave no answer");
    if (result.errno === 0) return yes("PAGEMAP_SCAN");
    if (result.errno === ENOTTY) return no("needs Linux 6.7", NEWER_KERNEL);
    if (result.errno === ENOENT || result.errno === EACCES)
      return denied("/proc/self/pagemap cannot be opened", "mount /proc");
    return denied(
      `refused (errno ${result.errno})`,
      await privilegeFix(facts, "use another seccomp profile"),
    );
  },
};

const processMadvise: Probe = {
  id: "process-madvise",
  enables: "plane swap: sends exact page sets to swap",
  look: async (facts) => {
    const result = await facts.trial("process-madvise");
    if (!result) return unknown("the attempt was killed or gave no answer");
    if (result.errno === 0) return yes("MADV_PAGEOUT of another process");
    if (result.errno === ENOSYS && !(await kernelAtLeast(facts, 5, 10))) {
      return no("needs Linux 5.10", NEWER_KERNEL);
    }
    return denied(
      `refused (errno ${result.errno})`,
      await privilegeFix(facts, "start the container with --cap-add SYS_PTRACE --cap-add SYS_NICE"),
    );
  },
};

const ptrace: Probe = {
  id: "ptrace",
  enables: "attaching to static programs and running processes",
  look: async (facts) => {
    const result = await facts.trial("ptrace");
    if (!result) return unknown("the attempt was killed or gave no answer");
    const scope = (await facts.read("/proc/sys/kernel/yama/ptrace_scope"))?.trim();
    if (result.errno !== 0) {
      const fix = scope === "3" ? "boot with another kernel.yama.ptrace_scope than 3" : undefined;
      return denied(
        `refused (errno ${result.errno}${scope ? `, ptrace_scope ${scope}` : ""})`,
        fix ?? (await privilegeFix(facts, "start the container with --cap-add SYS_PTRACE")),
      );
    }
    if ((await identity(facts)).has(CAP_SYS_PTRACE)) return yes("any process");
    return off("own children only", "run as root to attach to other processes");
  },
};

/** Taking pages out of processes and back. */
export const pagingProbes: Probe[] = [userfaultfd, uffdMove, pagemapScan, processMadvise, ptrace];
