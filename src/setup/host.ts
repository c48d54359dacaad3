import { type Machine, must } from "./machine.ts";
import { fileStep, type Setting, settingStep } from "./setting.ts";
import { done, type Step, todo } from "./step.ts";

export interface HostOptions {
  /** Transparent huge pages; null = leave them. */
  thp: "madvise" | "never" | null;
  /** Null = leave it. */
  swappiness: number | null;
  /** Open files that a login may have; null = leave it. */
  files: number | null;
  /** Switch MGLRU on, for plane swap. */
  mglru: boolean;
  /** Also write what makes it so after each boot. */
  persist: boolean;
}

const THP = "/sys/kernel/mm/transparent_hugepage/enabled";
const LIMITS = "/etc/security/limits.d";
/** The kernel's default (include/linux/mm.h, DEFAULT_MAX_MAP_COUNT). */
const MAPPINGS = 65530;
const DEBUGFS = "/sys/kernel/debug";

function settings(options: HostOptions): Setting[] {
  const all: Setting[] = [];
  if (options.thp) {
    // A huge page leaves and comes back as 512 pages, and what no request touches in it is held all the same.
    all.push({
      id: "thp",
      title: `transparent huge pages: ${options.thp}`,
      path: THP,
      format: "choice",
      value: options.thp,
    });
  }
  all.push({
    id: "numa-balancing",
    title: "NUMA balancing off",
    path: "/proc/sys/kernel/numa_balancing",
    format: "plain",
    value: "0",
  });
  if (options.swappiness !== null) {
    all.push({
      id: "swappiness",
      title: `swappiness ${options.swappiness}`,
      path: "/proc/sys/vm/swappiness",
      format: "plain",
      value: String(options.swappiness),
    });
  }
  all.push({
    id: "mappings",
    title: `at least ${MAPPINGS} mappings in a process`,
    path: "/proc/sys/vm/max_map_count",
    format: "plain",
    value: String(MAPPINGS),
    atLeast: true,
  });
  if (options.mglru) {
    // All three components: Documentation/admin-guide/mm/multigen_lru.rst.
    all.push({
      id: "mglru",
      title: "MGLRU on",
      path: "/sys/kernel/mm/lru_gen/enabled",
      format: "number",
      value: "7",
    });
  }
  return all;
}

/** Steps of `faasmem setup host`. */
export function hostSteps(machine: Machine, options: HostOptions): Step[] {
  const values = settings(options);
  const steps = values.map((setting) => settingStep(machine, setting));
  if (options.mglru) steps.push(debugfsStep(machine));
  if (options.files !== null) steps.push(filesStep(machine, options.files));
  if (options.persist) steps.push(...persistSteps(machine, values));
  return steps;
}

function debugfsStep(machine: Machine): Step {
  return {
    id: "debugfs",
    title: "debugfs mounted, for lru_gen",
    would: `mount -t debugfs none ${DEBUGFS}`,
    check: async () =>
      machine.list(DEBUGFS).length > 0 || !machine.exists("/sys/kernel/mm/lru_gen")
        ? done(DEBUGFS)
        : todo("not mounted"),
    apply: async (keep) => {
      keep({ kind: "mount", path: DEBUGFS });
      await must(machine, ["mount", "-t", "debugfs", "none", DEBUGFS], "run it as root on the host itself");
    },
  };
}

function filesStep(machine: Machine, files: number): Step {
  const [, soft, hard] =
    /^Max open files\s+(\S+)\s+(\S+)/m.exec(machine.read("/proc/self/limits") ?? "") ?? [];
  const enough = (value = "0") => value === "unlimited" || Number(value) >= files;
  // A hard limit that is higher already is not lowered. A login with more than fs.nr_open would be refused.
  const kind = enough(hard) ? "soft" : "-";
  const most = Number(machine.read("/proc/sys/fs/nr_open") ?? files);
  const value = Math.min(files, most);
  const text = `# by faasmem setup host\n* ${kind} nofile ${value}\nroot ${kind} nofile ${value}\n`;
  const file = fileStep(machine, {
    id: "files",
    title: `${value} open files, from the next login on`,
    path: `${LIMITS}/90-faasmem.conf`,
    text,
  });
  return {
    ...file,
    check: async () => {
      if (enough(soft)) return done(`${soft} already`);
      return machine.exists(LIMITS)
        ? file.check()
        : done(`this system has no ${LIMITS}: set the limit where faasmem is started`);
    },
  };
}

/** What the next boot reads: sysctl.d(5) and tmpfiles.d(5). */
function persistSteps(machine: Machine, values: Setting[]): Step[] {
  const sysctl = values.filter((one) => one.path.startsWith("/proc/sys/") && machine.exists(one.path));
  const sys = values.filter((one) => one.path.startsWith("/sys/") && machine.exists(one.path));
  const name = (path: string) => path.slice("/proc/sys/".length).replaceAll("/", ".");
  // What is larger already stays so.
  const value = ({ path, value, atLeast }: Setting) =>
    atLeast ? Math.max(Number(value), Number(machine.read(path))) : value;
  const lines = sysctl.map((one) => `${name(one.path)} = ${value(one)}`);
  const writes = sys.map((one) => `w ${one.path} - - - - ${one.value}`);
  const file = (id: string, path: string, rows: string[]) =>
    fileStep(machine, {
      id,
      title: `${path}, for the next boot`,
      path,
      text: `# by faasmem setup host\n${rows.join("\n")}\n`,
    });
  return [
    ...(lines.length > 0 ? [file("sysctl-file", "/etc/sysctl.d/90-faasmem.conf", lines)] : []),
    ...(writes.length > 0 ? [file("tmpfiles-file", "/etc/tmpfiles.d/faasmem.conf", writes)] : []),
  ];
}
