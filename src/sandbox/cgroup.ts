import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import { hasEnded } from "../base/paths.ts";

const FOLDER = /^faasmem-(\d+)$/;
const REMOVE_TRIES = 40;

/** A memory cgroup for each sandbox: what the kernel's generations, reclaim and accounting go by. */
export interface SandboxCgroup {
  /** Put before a command: it enters the group, then becomes the command, whose memory all belongs to the group. */
  readonly enter: readonly string[];
  /** After its processes ended. */
  remove(): Promise<void>;
}

export interface CgroupFolder {
  make(name: string): SandboxCgroup;
  close(): void;
}

/** Where memory cgroups are, from the text of /proc/self/mounts; null when there is no memory controller. */
export function memoryMount(mounts: string): { path: string; version: 1 | 2 } | null {
  let unified: string | null = null;
  for (const line of mounts.split("\n")) {
    const [, path, kind, options] = line.split(" ");
    if (kind === "cgroup" && options!.split(",").includes("memory")) return { path: path!, version: 1 };
    if (kind === "cgroup2") unified = path!;
  }
  return unified === null ? null : { path: unified, version: 2 };
}

const unavailable = (message: string, fix: string): FaasmemError =>
  new FaasmemError("NO_CGROUP", message, { fix });

/** Makes this node's folder of cgroups, and removes those of nodes that were killed. @throws FaasmemError NO_CGROUP */
export function openCgroups(): CgroupFolder {
  const mount = memoryMount(readFileSync("/proc/self/mounts", "utf8"));
  if (!mount)
    throw unavailable("there are no memory cgroups here", "mount the memory controller (cgroups(7))");
  const given = (file: string) => {
    const path = join(mount.path, file);
    return existsSync(path) && readFileSync(path, "utf8").split(/\s/).includes("memory");
  };
  if (mount.version === 2 && !given("cgroup.subtree_control")) {
    throw unavailable(
      "the memory controller is not given to cgroups here",
      `let them have it: echo +memory > ${mount.path}/cgroup.subtree_control`,
    );
  }
  removeEnded(mount.path);
  const folder = join(mount.path, `faasmem-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true });
    if (mount.version === 2) writeControl(join(folder, "cgroup.subtree_control"), "+memory");
  } catch (cause) {
    throw unavailable(`${folder}: ${(cause as Error).message}`, "run as root");
  }
  return {
    make: (name) => makeGroup(join(folder, name)),
    close: () => remove(folder),
  };
}

/** Control files take one write, and no truncation. */
function writeControl(path: string, text: string): void {
  const done = Bun.spawnSync(["/bin/sh", "-c", 'echo "$1" > "$0"', path, text], { stderr: "pipe" });
  if (!done.success) throw new Error(done.stderr.toString().trim());
}

function makeGroup(path: string): SandboxCgroup {
  mkdirSync(path);
  return {
    enter: ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', join(path, "cgroup.procs")],
    remove: async () => {
      // A process that has just ended may still count.
      for (let i = 0; i < REMOVE_TRIES && !remove(path); i++) await Bun.sleep(25);
    },
  };
}

function remove(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function removeEnded(mount: string): void {
  for (const name of readdirSync(mount)) {
    const owner = FOLDER.exec(name)?.[1];
    if (!owner || !hasEnded(owner)) continue;
    for (const entry of readdirSync(join(mount, name), { withFileTypes: true }))
      if (entry.isDirectory()) remove(join(mount, name, entry.name));
    remove(join(mount, name));
  }
}
