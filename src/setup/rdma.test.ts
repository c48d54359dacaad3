import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FakeMachine, fakeMachine } from "./fake-machine.ts";
import { defaultInterface, type RdmaOptions, rdmaSteps } from "./rdma.ts";
import { applySteps, assertPossible, checkSteps, undoAll } from "./run.ts";
import { SetupState } from "./state.ts";

const quiet = { begin: () => {}, end: () => {} };
const options: RdmaOptions = { netdev: null, address: null, soft: false, packages: true };
const ROUTES = "Iface\tDestination\tGateway\nens5\t0000A8C0\t0\nens4\t00000000\t0102A8C0\n";
const RXE = "/sys/class/infiniband/rxe_ens4";
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0).toReversed()) clean();
});

/** A Debian machine without an adapter, whose programs do to its files what the real ones do. */
function debian(files: Record<string, string> = {}): {
  machine: FakeMachine;
  packages: Set<string>;
  addresses: Set<string>;
} {
  const packages = new Set(["iproute2", "bash"]);
  const addresses = new Set<string>();
  const release = "6.1.0-56-amd64";
  const ko = ["lib/crc32_generic.ko", "sw/rxe/rdma_rxe.ko.xz", "core/ib_uverbs.ko", "core/rdma_ucm.ko"];
  const machine: FakeMachine = fakeMachine(
    {
      "/etc/os-release": 'PRETTY_NAME="Debian 12"\nID=debian\nVERSION_ID="12"\n',
      "/proc/sys/kernel/osrelease": `${release}\n`,
      [`/lib/modules/${release}/modules.dep`]: ko.map((name) => `kernel/${name}:\n`).join(""),
      "/proc/net/route": ROUTES,
      "/sys/class/net/ens4/flags": "0x1002\n",
      ...files,
    },
    {
      "dpkg-query": () => [...packages].map((name) => `installed ${name}\n`).join(""),
      "apt-get": (words) => {
        const names = words.filter((word) => !word.startsWith("-") && !word.includes("=")).slice(2);
        if (words.includes("install")) for (const name of [...names, "libibverbs1"]) packages.add(name);
        if (words.includes("--simulate")) return names.map((name) => `Remv ${name} [1]\n`).join("");
        if (words.includes("remove")) for (const name of names) packages.delete(name);
        return 0;
      },
      modprobe: (words) => {
        const name = words.at(-1)!;
        if (words[1] === "-r") machine.remove(`/sys/module/${name}`);
        else machine.put(`/sys/module/${name}/refcnt`, "0\n");
        return 0;
      },
      ip: (words) => {
        if (words.includes("show"))
          return [...addresses].map((one) => `2: ens4 inet ${one} scope global\n`).join("");
        if (words[1] === "link")
          machine.put("/sys/class/net/ens4/flags", words[4] === "up" ? "0x1003\n" : "0x1002\n");
        else if (words[2] === "add") addresses.add(words[3]!);
        else addresses.delete(words[3]!);
        return 0;
      },
      rdma: (words) => {
        if (words[2] === "add") machine.put(`${RXE}/ports/1/state`, "4: ACTIVE\n");
        else machine.remove(RXE);
        return 0;
      },
    },
  );
  cleanups.push(() => machine.dispose());
  return { machine, packages, addresses };
}

function state(): SetupState {
  const folder = mkdtempSync(join(tmpdir(), "faasmem-state-"));
  const opened = new SetupState("rdma", folder);
  cleanups.push(() => {
    opened.close();
    rmSync(folder, { recursive: true });
  });
  return opened;
}

test("without an adapter soft-RoCE is made on the default route's interface, and everything can be taken back", async () => {
  const { machine, packages, addresses } = debian();
  const kept = state();
  const own = { ...options, address: "10.10.1.1/24" };
  await applySteps(rdmaSteps(machine, own), kept, quiet);
  expect(packages).toContain("perftest");
  expect(addresses).toEqual(new Set(["10.10.1.1/24"]));
  expect(machine.ran).toContain("rdma link add rxe_ens4 type rxe netdev ens4");
  expect(machine.ran.indexOf("modprobe crc32_generic")).toBeLessThan(
    machine.ran.indexOf("modprobe rdma_rxe"),
  );
  const status = await checkSteps(rdmaSteps(machine, own));
  expect(status.map((one) => one.state)).toEqual(status.map(() => "done"));

  const ran = machine.ran.length;
  await applySteps(rdmaSteps(machine, own), kept, quiet);
  expect(machine.ran.slice(ran).filter((line) => !/^dpkg-query|address show/.test(line))).toEqual([]);

  await undoAll(machine, kept, () => {});
  expect(packages).toEqual(new Set(["iproute2", "bash"])); // what was brought along has gone, too
  expect(addresses.size).toBe(0);
  expect(machine.read("/sys/class/net/ens4/flags")).toBe("0x1002");
  expect([RXE, "/sys/module/rdma_rxe"].filter((path) => machine.exists(path))).toEqual([]);
});

test("packages that something else needs by now stay", async () => {
  const { machine, packages } = debian();
  const kept = state();
  await applySteps(rdmaSteps(machine, options).slice(0, 1), kept, quiet);
  const run = machine.run;
  machine.run = async (command, more) => {
    const ended = await run(command, more);
    return command.includes("--simulate") ? { ...ended, out: `${ended.out}Remv samba [4]\n` } : ended;
  };
  const results: string[] = [];
  await undoAll(machine, kept, (one) => results.push(one.result));
  expect(results[0]).toContain("samba needs them now");
  expect(packages).toContain("perftest");
});

test("an adapter is used as it is: no soft-RoCE", async () => {
  const { machine } = debian({ "/sys/class/infiniband/mlx5_0/ports/1/state": "4: ACTIVE\n" });
  const ids = rdmaSteps(machine, options).map((step) => step.id);
  expect(ids).toEqual(["packages", "module-ib_uverbs", "module-rdma_ucm", "active"]);
  expect((await checkSteps(rdmaSteps(machine, options))).at(-1)).toMatchObject({
    state: "done",
    now: "mlx5_0 port 1: 4: ACTIVE",
  });
});

test("no modules, no apt, no such interface: refused before anything is changed, with the fix", async () => {
  const bare = fakeMachine({
    "/etc/os-release": 'PRETTY_NAME="Other"\nID=other\n',
    "/sys/class/net/eth9/flags": "0x1003",
  });
  cleanups.push(() => bare.dispose());
  const status = await checkSteps(rdmaSteps(bare, options));
  const fixes = Object.fromEntries(status.map((one) => [one.id, one.fix]));
  expect(fixes).toMatchObject({
    packages: expect.stringContaining("--no-packages"),
    "module-rdma_rxe": expect.stringContaining("kernel"),
    link: "say which with --netdev: eth9",
  });
  expect(() => assertPossible(status)).toThrow("nothing was changed");
  expect((await checkSteps(rdmaSteps(debian().machine, { ...options, netdev: "eth7" })))[5]).toMatchObject({
    state: "blocked",
    now: "there is no interface eth7",
  });
});

test("the default route's interface is told by /proc/net/route", () => {
  expect(defaultInterface(ROUTES)).toBe("ens4");
  expect(defaultInterface("Iface\tDestination\n")).toBeNull();
});
