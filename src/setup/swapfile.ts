import { dirname } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import { formatMiB } from "../base/units.ts";
import type { Change } from "./change.ts";
import { type FileIdentity, type Machine, must } from "./machine.ts";
import { blocked, type Check, done, type Step, todo } from "./step.ts";
import { swapsOn } from "./swaps.ts";

export interface SwapfileOptions {
  /** Absolute path. */
  path: string;
  /** A multiple of 4096. */
  bytes: number;
  /** Of swapon(8); null = the kernel gives one. */
  priority: number | null;
}

/** What must stay free on the disk. */
const SPARE_BYTES = 1024 ** 3;
/** Signature at the end of the first page (mkswap(8)). */
const SIGNATURE = "SWAPSPACE2";
const SIGNATURE_AT = 4096 - 10;
/** Filesystems whose files the kernel cannot swap to: in memory, over a network, or without fixed places on disk. */
const UNFIT = ["tmpfs", "ramfs", "overlay", "zfs", "nfs", "nfs4", "cifs", "9p", "fuse", "squashfs"];
const ELSEWHERE = "choose a --path on ext4 or xfs";

/** Type of the filesystem that a path is on, of /proc/self/mountinfo (the longest mount point that leads there). */
export function filesystemOf(mountinfo: string, path: string): string {
  let best = { point: "", type: "unknown" };
  for (const line of mountinfo.split("\n")) {
    const match = /^\S+ \S+ \S+ \S+ (\S+) .* - (\S+)/.exec(line);
    if (!match) continue;
    const point = match[1]!.replaceAll("\\040", " ");
    const inside = point === "/" || path === point || path.startsWith(`${point}/`);
    if (inside && point.length >= best.point.length) best = { point, type: match[2]! };
  }
  return best.type;
}

/**
 * Steps of `faasmem setup swapfile`.
 * @param known what this setup has changed before: a file that it left half-made is made again
 */
export function swapfileSteps(
  machine: Machine,
  options: SwapfileOptions,
  known: readonly Change[] = [],
): Step[] {
  const { path, bytes, priority } = options;
  const type = () => filesystemOf(machine.read("/proc/self/mountinfo") ?? "", machine.resolve(dirname(path)));
  const isOn = () => swapsOn(machine).some((area) => area.path === machine.resolve(path));
  const signed = () => machine.peek(path, SIGNATURE_AT, SIGNATURE.length) === SIGNATURE;
  const size = `${formatMiB(bytes)} MiB`;
  const isOurs = ({ dev, ino }: FileIdentity) =>
    known.some((one) => one.kind === "swapfile" && one.path === path && one.dev === dev && one.ino === ino);

  const fileCheck = (): Check => {
    const file = machine.identify(path);
    if (!file) {
      if (UNFIT.includes(type())) return blocked(`the kernel cannot swap to a file on ${type()}`, ELSEWHERE);
      const free = machine.free(path);
      return free >= bytes + SPARE_BYTES
        ? todo("absent")
        : blocked(
            `its disk has ${formatMiB(free)} MiB free, and ${formatMiB(SPARE_BYTES)} MiB have to stay so`,
            "choose a smaller --size, or a --path on another disk",
          );
    }
    const other = "choose another --path; if it was made here: faasmem setup swapfile --undo";
    if (!file.regular) return blocked(`${path} is there, and is no file`, other);
    if (file.size === bytes && (signed() || isBlank(machine, path))) return done(size);
    if (!signed() && isOurs(file)) return todo("left half-made");
    return signed()
      ? blocked(`${path} is swap of ${formatMiB(file.size)} MiB, not of ${size}`, other)
      : blocked(`${path} is there, and is something else`, other);
  };

  return [
    {
      id: "file",
      title: `${path} of ${size}`,
      would: `fallocate --length ${bytes} ${path} && chmod 600 ${path}`,
      check: async () => fileCheck(),
      apply: async (keep) => {
        const half = machine.identify(path);
        if (half && isOurs(half)) machine.remove(path);
        const { dev, ino } = machine.create(path);
        keep({ kind: "swapfile", path, dev, ino });
        await allocate(machine, path, bytes, type());
      },
    },
    {
      id: "area",
      title: "it has a swap area",
      would: `mkswap ${path}`,
      check: async () => (signed() ? done("signed") : todo("not signed")),
      apply: async () => {
        await must(machine, ["mkswap", path], "install util-linux, then run it again");
      },
    },
    {
      id: "on",
      title: "it is on",
      would: `swapon ${priority === null ? "" : `--priority ${priority} `}${path}`,
      check: async () => (isOn() ? done("on") : todo("off")),
      apply: async (keep) => {
        keep({ kind: "swap-on", path });
        const words = priority === null ? [] : ["--priority", String(priority)];
        await must(machine, ["swapon", ...words, path], ELSEWHERE);
      },
    },
  ];
}

/** A file that a killed run has left before mkswap: zeros, as fallocate and dd leave it. */
function isBlank(machine: Machine, path: string): boolean {
  return /^\0+$/.test(machine.peek(path, 0, 64 * 1024));
}

/** Gives the file its blocks. One that could not have them all is taken away again. */
async function allocate(machine: Machine, path: string, bytes: number, type: string): Promise<void> {
  // On btrfs a swap file must not be copied on write, which can be said of an empty file only.
  if (type === "btrfs") await must(machine, ["chattr", "+C", path], ELSEWHERE);
  let ended = await machine.run(["fallocate", "--length", String(bytes), path]);
  if (ended.code !== 0 && /not supported/i.test(ended.err)) {
    const mib = Math.ceil(bytes / 1024 ** 2);
    ended = await machine.run(["dd", "if=/dev/zero", `of=${path}`, "bs=1M", `count=${mib}`, "conv=fsync"]);
    if (ended.code === 0) ended = await machine.run(["truncate", "--size", String(bytes), path]);
  }
  if (ended.code === 0) return;
  machine.remove(path);
  throw new FaasmemError("DISK_FULL", `${path} did not get its blocks: ${ended.err.trim()}`, {
    fix: "free some space, or choose a smaller --size",
  });
}
