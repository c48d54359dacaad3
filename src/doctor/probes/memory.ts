import { denied, no, off, type Probe, yes } from "../capability.ts";
import { CAP_SYS_ADMIN, identity, kernelAtLeast } from "../identity.ts";

const GIB_IN_KIB = 1024 ** 2;
/** `faasmem experiment run quick` takes about this much. */
const LITTLE_KIB = GIB_IN_KIB;

const gib = (kib: number) => `${(kib / GIB_IN_KIB).toFixed(1)} GiB`;

const memory: Probe = {
  id: "memory",
  enables: "sandboxes, and on a memory node the pool",
  look: async (facts) => {
    const text = (await facts.read("/proc/meminfo")) ?? "";
    const [total, available] = ["MemTotal", "MemAvailable"].map((name) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? Number.NaN),
    ) as [number, number];
    if (!(total > 0)) return no("/proc/meminfo does not tell", "mount /proc");
    const detail = `${gib(available)} of ${gib(total)} available`;
    return available < LITTLE_KIB
      ? off(detail, "free some: the quick experiment takes about 1 GiB")
      : yes(detail);
  },
};

const swap: Probe = {
  id: "swap",
  enables: "plane swap",
  look: async (facts) => {
    const text = await facts.read("/proc/swaps");
    if (text === null) return no("the kernel has none", "boot a kernel with CONFIG_SWAP=y");
    const rows = text.trim().split("\n").slice(1);
    if (rows.length === 0) return off("none is on", "faasmem driver --plane swap, or faasmem setup swapfile");
    // File names may hold spaces, written as \040; columns: name, type, size, used, priority.
    const devices = rows.map((row) => row.split(/\s+/));
    const size = devices.reduce((sum, columns) => sum + Number(columns[2] ?? 0), 0);
    return yes(`${gib(size)} on ${devices.map((columns) => columns[0]).join(", ")}`);
  },
};

const zram: Probe = {
  id: "zram",
  enables: "plane swap: compressed memory of this node as its device",
  look: async (facts) => {
    // Built into the kernel without parameters, it is no folder of /sys/module.
    const control = await facts.list("/sys/class/zram-control");
    const state = control ? "loaded" : await facts.module("zram");
    if (state === "absent") return no("no module", "boot a kernel with CONFIG_ZRAM");
    if (!(await identity(facts)).has(CAP_SYS_ADMIN)) return denied(state, "run as root, on the host");
    if (state === "loadable") return yes("a module, loaded when it is needed");
    return (await facts.writable("/sys/class/zram-control/hot_add"))
      ? yes("loaded")
      : denied("loaded, but /sys is read-only", "run it where /sys can be written");
  },
};

const frontswap: Probe = {
  id: "frontswap",
  enables: "plane swap: far memory over RDMA (Fastswap)",
  look: async (facts) => {
    const fix = "faasmem setup kernel (Linux 6.1 with the far-memory patch)";
    if (await kernelAtLeast(facts, 6, 6)) return no("Linux 6.6 and newer have none", fix);
    const exported = await facts.exported("frontswap_register_ops");
    if (exported) return yes("registration is exported");
    return (await facts.config("FRONTSWAP")) === "y"
      ? off("there, but modules cannot register", fix)
      : no("the kernel has none", fix);
  },
};

const hugePages: Probe = {
  id: "thp",
  enables: "pages that leave one by one, no memory held by halves of huge pages",
  look: async (facts) => {
    const text = await facts.read("/sys/kernel/mm/transparent_hugepage/enabled");
    if (text === null) return yes("the kernel has no transparent huge pages");
    const value = /\[(\w+)\]/.exec(text)?.[1] ?? "unknown";
    return value === "always" ? off(value, "faasmem setup host") : yes(value);
  },
};

const numa: Probe = {
  id: "numa",
  enables: "accessed bits and page tables left alone by the kernel",
  look: async (facts) => {
    const nodes = ((await facts.list("/sys/devices/system/node")) ?? []).filter((name) =>
      /^node\d+$/.test(name),
    );
    const balancing = (await facts.read("/proc/sys/kernel/numa_balancing"))?.trim() ?? "0";
    const detail = `${Math.max(1, nodes.length)} node${nodes.length > 1 ? "s" : ""}, balancing ${balancing === "0" ? "off" : "on"}`;
    return balancing === "0" ? yes(detail) : off(detail, "faasmem setup host");
  },
};

const psi: Probe = {
  id: "psi",
  enables: "memory pressure of plane swap and system tmo",
  look: async (facts) => {
    if ((await facts.read("/proc/pressure/memory")) !== null) return yes("/proc/pressure/memory");
    return (await facts.config("PSI")) === "y"
      ? off("in the kernel, switched off", "boot with psi=1 on the kernel's command line")
      : no("the kernel has none", "boot a kernel with CONFIG_PSI=y");
  },
};

/** Memory, and where it can go. */
export const memoryProbes: Probe[] = [memory, swap, zram, frontswap, hugePages, numa, psi];
