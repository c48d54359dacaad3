import { denied, no, off, type Probe, unknown, yes } from "../capability.ts";
import type { Facts } from "../facts.ts";
import { identity, kernelVersion } from "../identity.ts";

/** Descriptors of a worker: about six a sandbox; 200 idle ones want 1200. */
const FEW_FILES = 4096;
/** The kernel's default. A paged process has a mapping for each stretch that is registered. */
const FEW_MAPPINGS = 65530;
const ENGINES = ["docker", "podman", "crun", "runc", "bwrap"];

const kernel: Probe = {
  id: "kernel",
  enables: "6.8: plane uffd. 6.2: tracker ebpf. 5.10: plane swap",
  look: async (facts) => {
    const release = (await facts.read("/proc/sys/kernel/osrelease"))?.trim();
    const version = await kernelVersion(facts);
    if (!release || !version) return unknown("/proc/sys/kernel/osrelease does not tell");
    if (version[0] < 5 || (version[0] === 5 && version[1] < 10))
      return no(release, "boot Linux 5.10 or newer");
    return yes(release);
  },
};

async function memoryController(facts: Facts): Promise<{ version: string; folder: string } | null> {
  const own = (await facts.read("/proc/self/cgroup")) ?? "";
  const unified = /^0::(\/.*)$/m.exec(own)?.[1];
  const controllers = await facts.read("/sys/fs/cgroup/cgroup.controllers");
  if (controllers !== null && unified !== undefined) {
    return /\bmemory\b/.test(controllers)
      ? { version: "v2", folder: `/sys/fs/cgroup${unified === "/" ? "" : unified}` }
      : null;
  }
  const legacy = /^\d+:(?:[\w=,]*,)?memory(?:,[\w=,]*)?:(\/.*)$/m.exec(own)?.[1];
  if (legacy === undefined || !(await facts.list("/sys/fs/cgroup/memory"))) return null;
  return { version: "v1", folder: `/sys/fs/cgroup/memory${legacy === "/" ? "" : legacy}` };
}

const cgroup: Probe = {
  id: "cgroup",
  enables: "memory limits; plane swap: memory.reclaim and generations of one sandbox",
  look: async (facts) => {
    const controller = await memoryController(facts);
    if (!controller) {
      return no("no memory controller", "mount cgroup2 on /sys/fs/cgroup, boot a kernel with CONFIG_MEMCG=y");
    }
    const { version, folder } = controller;
    const root = version === "v2" ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    // A container has its own hierarchy mounted where the host's path does not lead.
    const here = (await facts.list(folder)) ? folder : root;
    return (await facts.writable(`${here}/cgroup.procs`))
      ? yes(`${version}, memory controller writable`)
      : denied(
          `${version}, memory controller not writable`,
          "run as root, with /sys/fs/cgroup mounted read-write",
        );
  },
};

const rdma: Probe = {
  id: "rdma",
  enables: "plane swap: Fastswap to a memory node",
  look: async (facts) => {
    const devices = (await facts.list("/sys/class/infiniband")) ?? [];
    const ports = await Promise.all(
      devices.map(async (name) => {
        const state = await facts.read(`/sys/class/infiniband/${name}/ports/1/state`);
        return { name, active: /ACTIVE/.test(state ?? "") };
      }),
    );
    const active = ports.filter((port) => port.active).map((port) => port.name);
    if (active.length > 0) return yes(`${active.join(", ")} active`);
    if (devices.length > 0)
      return off(`${devices.join(", ")} not active`, "check cable and address, then faasmem setup rdma");
    return (await facts.module("rdma_rxe")) === "absent"
      ? no(
          "no adapter, no soft-RoCE module",
          "boot a kernel with CONFIG_RDMA_RXE (Debian's generic one has it)",
        )
      : off("no adapter; soft-RoCE can be set up", "faasmem setup rdma");
  },
};

const containers: Probe = {
  id: "containers",
  enables: "sandboxes in containers; processes need none",
  look: async (facts) => {
    const here = await Promise.all(ENGINES.map((name) => facts.program(name)));
    const found = ENGINES.filter((_, i) => here[i]);
    if (found.length === 0) return no("no engine found", "install docker.io, podman, crun or bubblewrap");
    if (found.length === 1 && found[0] === "docker" && !(await facts.writable("/run/docker.sock"))) {
      const { root } = await identity(facts);
      return root
        ? off("docker, its daemon is not running", "start dockerd")
        : denied("docker, its socket is not ours", "run as root, or join the group docker");
    }
    return yes(found.join(", "));
  },
};

const limits: Probe = {
  id: "limits",
  enables: "many sandboxes at once",
  look: async (facts) => {
    const text = (await facts.read("/proc/self/limits")) ?? "";
    const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text) ?? [];
    const mappings = Number((await facts.read("/proc/sys/vm/max_map_count"))?.trim() ?? Number.NaN);
    if (!soft || !hard) return unknown("/proc/self/limits does not tell");
    const detail = `${soft} files (at most ${hard}), ${mappings} mappings`;
    const few = (value: string) => value !== "unlimited" && Number(value) < FEW_FILES;
    return few(soft) || mappings < FEW_MAPPINGS
      ? off(detail, "faasmem setup host, then log in again")
      : yes(detail);
  },
};

/** The machine around. */
export const hostProbes: Probe[] = [kernel, cgroup, rdma, containers, limits];
