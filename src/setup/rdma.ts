import { FaasmemError } from "../base/errors.ts";
import { distribution } from "./distribution.ts";
import { type Machine, must } from "./machine.ts";
import { packagesStep } from "./packages.ts";
import { blocked, done, type Step, todo } from "./step.ts";

export interface RdmaOptions {
  /** Network interface of soft-RoCE and of the address; null = that of the default route. */
  netdev: string | null;
  /** With its prefix, for example 10.10.1.1/24; null = addresses stay as they are. */
  address: string | null;
  /** Soft-RoCE although there is an adapter. */
  soft: boolean;
  /** False = they were installed by hand. */
  packages: boolean;
}

const PACKAGES = ["rdma-core", "ibverbs-utils", "rdmacm-utils", "infiniband-diags", "perftest", "iproute2"];
const DEVICES = "/sys/class/infiniband";
/** rdma_rxe computes its checksum with it, and does not load it. Newer kernels have it built in, under no name. */
const CHECKSUM_MODULE = "crc32_generic";
const MODULES = ["ib_uverbs", "rdma_ucm"];
const ACTIVE_TIMEOUT_MS = 10_000;

/** The interface of the default route (/proc/net/route: destination 0). */
export function defaultInterface(routes: string): string | null {
  const rows = routes.split("\n").map((line) => line.split("\t"));
  return rows.find((columns) => columns[1] === "00000000")?.[0] ?? null;
}

/** Steps of `faasmem setup rdma`. */
export function rdmaSteps(machine: Machine, options: RdmaOptions): Step[] {
  const hardware = machine.list(DEVICES).some((name) => !name.startsWith("rxe_"));
  const soft = options.soft || !hardware;
  const netdev = options.netdev ?? defaultInterface(machine.read("/proc/net/route") ?? "");
  const interfaces = machine.list("/sys/class/net").filter((name) => name !== "lo");
  const wrongNetdev = (): ReturnType<typeof blocked> | null => {
    if (netdev && machine.exists(`/sys/class/net/${netdev}`)) return null;
    const now = netdev
      ? `there is no interface ${netdev}`
      : "there is no default route to tell the interface";
    return blocked(now, `say which with --netdev: ${interfaces.join(", ") || "none is there"}`);
  };
  const steps: Step[] = options.packages ? [packagesStep(machine, distribution(machine), PACKAGES)] : [];
  for (const name of soft ? [CHECKSUM_MODULE, "rdma_rxe", ...MODULES] : MODULES) {
    steps.push(moduleStep(machine, name));
  }
  if (soft || options.address) steps.push(linkStep(machine, netdev ?? "", wrongNetdev));
  if (soft) steps.push(softRoceStep(machine, netdev ?? ""));
  if (options.address) steps.push(addressStep(machine, netdev ?? "", options.address));
  steps.push(activeStep(machine));
  return steps;
}

function moduleStep(machine: Machine, name: string): Step {
  const folder = `/lib/modules/${machine.read("/proc/sys/kernel/osrelease")}`;
  const pattern = new RegExp(`/${name.replaceAll("_", "[-_]")}\\.ko`);
  const named = (file: string) => pattern.test(machine.read(`${folder}/${file}`) ?? "");
  return {
    id: `module-${name}`,
    title: `module ${name} is loaded`,
    would: `modprobe ${name}`,
    check: async () => {
      if (machine.exists(`/sys/module/${name}`)) return done("loaded");
      if (named("modules.builtin")) return done("built in");
      if (named("modules.dep")) return todo("not loaded");
      if (name === CHECKSUM_MODULE) return done("not a module of this kernel");
      return blocked(
        "this kernel has none",
        "boot a kernel with InfiniBand modules (Debian's generic linux-image-amd64)",
      );
    },
    apply: async (keep) => {
      keep({ kind: "module", name });
      await must(machine, ["modprobe", name], "see the kernel's log: dmesg");
    },
  };
}

function linkStep(machine: Machine, netdev: string, wrong: () => ReturnType<typeof blocked> | null): Step {
  return {
    id: "link",
    title: `interface ${netdev} is up`,
    would: `ip link set ${netdev} up`,
    check: async () => {
      const refused = wrong();
      if (refused) return refused;
      // Bit 0 of the flags is IFF_UP (netdevice(7)).
      const up = (Number(machine.read(`/sys/class/net/${netdev}/flags`)) & 1) === 1;
      return up ? done("up") : todo("down");
    },
    apply: async (keep) => {
      keep({ kind: "link-up", device: netdev });
      await must(machine, ["ip", "link", "set", netdev, "up"], "see: ip link");
    },
  };
}

function softRoceStep(machine: Machine, netdev: string): Step {
  const name = `rxe_${netdev}`;
  return {
    id: "soft-roce",
    title: `soft-RoCE on ${netdev}`,
    would: `rdma link add ${name} type rxe netdev ${netdev}`,
    check: async () => (machine.exists(`${DEVICES}/${name}`) ? done(name) : todo("absent")),
    apply: async (keep) => {
      keep({ kind: "rxe", name });
      const command = ["rdma", "link", "add", name, "type", "rxe", "netdev", netdev];
      await must(
        machine,
        command,
        "see the kernel's log (dmesg); another rxe on this interface has to go first: rdma link",
      );
    },
  };
}

function addressStep(machine: Machine, netdev: string, address: string): Step {
  return {
    id: "address",
    title: `${netdev} has ${address}`,
    would: `ip address add ${address} dev ${netdev}`,
    check: async () => {
      const { out } = await machine.run(["ip", "-oneline", "address", "show", "dev", netdev]);
      return out.includes(` ${address} `) ? done(address) : todo("not assigned");
    },
    apply: async (keep) => {
      keep({ kind: "address", device: netdev, address });
      await must(machine, ["ip", "address", "add", address, "dev", netdev], "see: ip address");
    },
  };
}

/** What the kernel says of every port, as "rxe_eth0 port 1: 4: ACTIVE". */
function ports(machine: Machine): string[] {
  return machine
    .list(DEVICES)
    .flatMap((device) =>
      machine
        .list(`${DEVICES}/${device}/ports`)
        .map((port) => `${device} port ${port}: ${machine.read(`${DEVICES}/${device}/ports/${port}/state`)}`),
    );
}

function activeStep(machine: Machine): Step {
  const active = () => ports(machine).filter((line) => line.endsWith("ACTIVE"));
  const now = () => ports(machine).join(", ") || "no RDMA device";
  return {
    id: "active",
    title: "an RDMA port is active",
    would: "wait until a port is active (ibstat shows it)",
    check: async () => (active().length > 0 ? done(active().join(", ")) : todo(now())),
    apply: async () => {
      for (const end = performance.now() + ACTIVE_TIMEOUT_MS; performance.now() < end; await Bun.sleep(200)) {
        if (active().length > 0) return;
      }
      throw new FaasmemError("LINK_DOWN", now(), {
        fix: "check the cable, the other end, and ip link; an InfiniBand network also needs a subnet manager (opensm)",
      });
    },
  };
}
