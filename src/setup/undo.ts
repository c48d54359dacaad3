import { FaasmemError } from "../base/errors.ts";
import type { Change, ChangeOf } from "./change.ts";
import { type Machine, must } from "./machine.ts";
import { installedPackages } from "./packages.ts";
import { readSetting } from "./setting.ts";
import { swapsOn } from "./swaps.ts";

const RUN_AGAIN = "see why, then run --undo again: what was taken back stays so";

function undoSetting(machine: Machine, { path, format, before, after }: ChangeOf<"setting">): string {
  const now = readSetting(machine, path, format);
  if (now === null) return `${path}: gone with its kernel`;
  if (now === before) return `${path}: ${before} already`;
  if (now !== after) return `${path}: left at ${now}, somebody has set it since`;
  machine.write(path, before);
  return `${path}: ${before} again`;
}

function undoFile(machine: Machine, { path, before, after }: ChangeOf<"file">): string {
  const now = machine.read(path);
  if (now === null) return `${path}: gone already`;
  if (now !== after.trimEnd()) return `${path}: left alone, somebody has changed it since`;
  if (before === null) machine.remove(path);
  else machine.write(path, `${before}\n`);
  return before === null ? `${path}: removed` : `${path}: as it was`;
}

async function undoSwapOn(machine: Machine, { path }: ChangeOf<"swap-on">): Promise<string> {
  if (!swapsOn(machine).some((one) => one.path === machine.resolve(path))) return `${path}: off already`;
  const { code, err } = await machine.run(["swapoff", path]);
  if (code === 0) return `${path}: switched off`;
  throw new FaasmemError("SWAP_BUSY", `swapoff ${path}: ${err.trim()}`, {
    fix: "its contents need room in memory: stop sandboxes and other programs, then run --undo again",
  });
}

function undoSwapfile(machine: Machine, { path, dev, ino }: ChangeOf<"swapfile">): string {
  const now = machine.identify(path);
  if (!now) return `${path}: gone already`;
  if (now.dev !== dev || now.ino !== ino)
    return `${path}: left alone, it is another file than the one made here`;
  machine.remove(path);
  return `${path}: removed`;
}

async function undoPackages(machine: Machine, { names }: ChangeOf<"packages">): Promise<string> {
  const installed = new Set(await installedPackages(machine));
  const ours = names.filter((name) => installed.has(name));
  if (ours.length === 0) return "packages: gone already";
  const apt = ["apt-get", "--yes", "-o", "DPkg::Lock::Timeout=120"];
  const plan = await must(machine, [...apt, "--simulate", "remove", ...ours], RUN_AGAIN);
  const others = [...plan.matchAll(/^Remv (\S+)/gm)]
    .map((match) => match[1]!)
    .filter((name) => !ours.includes(name));
  if (others.length > 0) {
    return `packages: left, ${others.join(" ")} needs them now; by hand: apt-get remove ${ours.join(" ")}`;
  }
  await must(machine, [...apt, "remove", ...ours], RUN_AGAIN, true);
  return `packages: removed ${ours.join(" ")}`;
}

async function undoKernel(machine: Machine, { release, names }: ChangeOf<"kernel">): Promise<string> {
  if (machine.read("/proc/sys/kernel/osrelease") === release) {
    throw new FaasmemError("KERNEL_IN_USE", `Linux ${release} is running`, {
      fix: "boot another kernel (choose it in the boot menu), then run --undo again",
    });
  }
  const installed = new Set(await installedPackages(machine));
  const ours = names.filter((name) => installed.has(name));
  if (ours.length === 0) return `Linux ${release}: removed already`;
  await must(machine, ["dpkg", "--purge", ...ours], RUN_AGAIN, true);
  return `Linux ${release}: removed`;
}

/** Runs what takes a thing away, when it is there. */
async function takeAway(machine: Machine, there: boolean, what: string, command: string[]): Promise<string> {
  if (!there) return `${what}: gone already`;
  await must(machine, command, RUN_AGAIN);
  return `${what}: removed`;
}

async function undoAddress(machine: Machine, { device, address }: ChangeOf<"address">): Promise<string> {
  const { out } = await machine.run(["ip", "-oneline", "address", "show", "dev", device]);
  const there = out.includes(` ${address} `);
  return takeAway(machine, there, `${address} on ${device}`, [
    "ip",
    "address",
    "del",
    address,
    "dev",
    device,
  ]);
}

async function undoMount(machine: Machine, path: string): Promise<string> {
  const mounted = (machine.read("/proc/self/mounts") ?? "")
    .split("\n")
    .some((line) => line.split(" ")[1] === path);
  return takeAway(machine, mounted, `mount ${path}`, ["umount", path]);
}

function undoFolder(machine: Machine, path: string): string {
  if (!machine.exists(path)) return `${path}: gone already`;
  machine.remove(path);
  return `${path}: removed`;
}

/**
 * Takes one change back. What is gone already, or was changed by somebody else since, is left alone.
 * @returns what came of it, in a line
 * @throws FaasmemError when it cannot be taken back now
 */
export async function takeBack(machine: Machine, made: Change): Promise<string> {
  switch (made.kind) {
    case "setting":
      return undoSetting(machine, made);
    case "file":
      return undoFile(machine, made);
    case "swap-on":
      return undoSwapOn(machine, made);
    case "swapfile":
      return undoSwapfile(machine, made);
    case "mount":
      return undoMount(machine, made.path);
    case "packages":
      return undoPackages(machine, made);
    case "module": {
      const loaded = machine.exists(`/sys/module/${made.name}`);
      return takeAway(machine, loaded, `module ${made.name}`, ["modprobe", "-r", made.name]);
    }
    case "link-up":
      await must(machine, ["ip", "link", "set", made.device, "down"], RUN_AGAIN);
      return `${made.device}: down again`;
    case "rxe": {
      const there = machine.exists(`/sys/class/infiniband/${made.name}`);
      return takeAway(machine, there, `soft-RoCE ${made.name}`, ["rdma", "link", "delete", made.name]);
    }
    case "address":
      return undoAddress(machine, made);
    case "folder":
      return undoFolder(machine, made.path);
    case "kernel":
      return undoKernel(machine, made);
    case "boot-menu":
      await must(machine, made.command, RUN_AGAIN);
      return "boot menu: written again";
  }
}
