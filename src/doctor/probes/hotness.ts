import { denied, no, off, type Probe, unknown, yes } from "../capability.ts";
import { identity, kernelAtLeast } from "../identity.ts";
import { NEWER_KERNEL } from "./paging.ts";

const ENOSYS = 38;

const bpf: Probe = {
  id: "bpf",
  enables: "tracker ebpf",
  look: async (facts) => {
    const result = await facts.trial("bpf");
    if (!result) return unknown("the attempt was killed or gave no answer");
    if (result.errno === 0) return yes("maps can be made");
    if (result.errno === ENOSYS && (await facts.config("BPF_SYSCALL")) !== "y") {
      return no("the kernel has none", "boot a kernel with CONFIG_BPF_SYSCALL=y");
    }
    const { root } = await identity(facts);
    return denied(
      `refused (errno ${result.errno})`,
      root ? "start the container with --cap-add BPF --cap-add PERFMON" : "run as root",
    );
  },
};

const btf: Probe = {
  id: "btf",
  enables: "tracker ebpf: the kernel's own type information",
  look: async (facts) =>
    (await facts.list("/sys/kernel/btf"))?.includes("vmlinux")
      ? yes("/sys/kernel/btf/vmlinux")
      : no("/sys/kernel/btf/vmlinux is absent", "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, mount /sys"),
};

const ebpfTracker: Probe = {
  id: "tracker-ebpf",
  enables: "exact hotness: accessed bits of the page tables",
  look: async (facts) => {
    const result = await facts.trial("tracker-ebpf");
    if (!result) return unknown("the attempt was killed or gave no answer");
    if (result.errno === 0) return yes("started and stopped again");
    if (!(await kernelAtLeast(facts, 6, 2))) return no("needs Linux 6.2", NEWER_KERNEL);
    if (result.errno !== ENOSYS)
      return denied("its programs are refused", "run as root, outside of containers");
    return no("does not start", "needs BTF, a kernel that is not locked down, and no PID namespace");
  },
};

const mglru: Probe = {
  id: "mglru",
  enables: "plane swap: barriers and evictions by generation, tracker mglru",
  look: async (facts) => {
    const enabled = (await facts.read("/sys/kernel/mm/lru_gen/enabled"))?.trim();
    if (enabled === undefined) {
      return no("the kernel has none", "boot a kernel with CONFIG_LRU_GEN=y (Debian 12's has it)");
    }
    // Bit 0 is the main switch (Documentation/admin-guide/mm/multigen_lru.rst).
    if ((Number(enabled) & 1) === 0) {
      return off(`switched off (${enabled})`, "echo 7 > /sys/kernel/mm/lru_gen/enabled, as root");
    }
    const debug = await facts.list("/sys/kernel/debug");
    if (debug === null) return denied("on, but /sys/kernel/debug is not ours to read", "run as root");
    if (!debug.includes("lru_gen")) {
      return off("on, but debugfs is not mounted", "mount -t debugfs none /sys/kernel/debug, as root");
    }
    if (!(await facts.writable("/sys/kernel/debug/lru_gen"))) {
      return denied("on, but /sys/kernel/debug/lru_gen is not ours to write", "run as root");
    }
    return yes(enabled);
  },
};

const pageIdle: Probe = {
  id: "page-idle",
  enables: "tracker idle",
  look: async (facts) => {
    const files = await facts.list("/sys/kernel/mm/page_idle");
    if (!files) return no("the kernel has none", "boot a kernel with CONFIG_IDLE_PAGE_TRACKING=y");
    if (!(await facts.writable("/sys/kernel/mm/page_idle/bitmap"))) {
      return denied("the bitmap is not ours to write", "run as root, with /sys writable");
    }
    const result = await facts.trial("tracker-idle");
    return result?.errno === 0 ? yes("bitmap") : denied("the bitmap cannot be used", "run as root");
  },
};

/** Finding out which pages are hot. */
export const hotnessProbes: Probe[] = [bpf, btf, ebpfTracker, mglru, pageIdle];
