import { join } from "node:path";
import { bootStep } from "./boot.ts";
import { type Distribution, distribution } from "./distribution.ts";
import { isUnpacked, type KernelFile, unpack } from "./kernel-files.ts";
import { installStep, modulesStep } from "./kernel-install.ts";
import { type Machine, must } from "./machine.ts";
import { packagesStep } from "./packages.ts";
import { blocked, done, type Step, todo, waiting } from "./step.ts";

export interface KernelOptions {
  /** `debian` (the package linux-source-6.1), or a Linux 6.1 tree or tar archive. */
  source: string;
  /** `running`, `guest`, or a fragment; see kernel/build.sh. */
  config: string;
  /** Only the modules that are loaded now. */
  localModules: boolean;
  /** Absolute folder for tree, packages and logs. */
  out: string;
  jobs: number;
  packages: boolean;
}

const BUILD_PACKAGES = [
  ...[
    "build-essential",
    "bc",
    "bison",
    "flex",
    "libelf-dev",
    "libssl-dev",
    "rsync",
    "cpio",
    "kmod",
    "dpkg-dev",
  ],
  ...["xz-utils", "patch", "ccache"],
];
const SOURCE_PACKAGE = "linux-source-6.1";
const SOURCE_ARCHIVE = "/usr/src/linux-source-6.1.tar.xz";
/** Tree, objects and packages of the smallest configuration: 1.5 GiB of the first two, measured. */
const LEAST_ROOM_BYTES = 3 * 1024 ** 3;
/** guest.config: 617 options in 11.5 minutes on two cores, measured. */
const CORE_SECONDS_PER_OPTION = (11.5 * 60 * 2) / 617;

export const MANUAL_STEPS = `by hand, on any distribution:
    1. get the sources of Linux 6.1 and apply kernel/patches/*.patch of faasmem's repository
    2. configure with CONFIG_FRONTSWAP=y, CONFIG_MEMCG=y and ZSWAP_DEFAULT_ON off; make; make modules_install install
    3. boot it, build fastswap/dram and fastswap/rdma with make KDIR=/lib/modules/$(uname -r)/build, load one of them`;

/** Minutes that a build takes, from the number of options that are on. */
export const buildMinutes = (options: number, jobs: number): number =>
  Math.ceil((options * CORE_SECONDS_PER_OPTION) / jobs / 60);

/** Paths and commands of one kernel build. */
export interface KernelBuild {
  out: string;
  tools: string;
  tree: string;
  script(...more: string[]): string[];
  /** What the script's result depends on; null when it cannot tell yet. */
  key(): Promise<string | null>;
  /** Did the script finish this part (`patched`, `prepared`, `built`) of this very key? */
  finished(part: string): Promise<boolean>;
  release(): string | null;
}

export function kernelBuild(machine: Machine, options: KernelOptions): KernelBuild {
  const { out } = options;
  const tools = join(out, "tools");
  const own = ["--source", options.source, "--config", options.config, "--jobs", String(options.jobs)];
  const script = (...more: string[]) => [
    ...["bash", join(tools, "kernel/build.sh"), "--out", out, ...own],
    ...(options.localModules ? ["--local-modules"] : []),
    ...more,
  ];
  const key = async () => {
    if (!machine.exists(join(tools, "kernel/build.sh"))) return null;
    const { code, out: said } = await machine.run(script("--print-key"));
    return code === 0 ? said.trim() : null;
  };
  return {
    ...{ out, tools, tree: join(out, "linux"), script, key },
    finished: async (part) => {
      const wanted = await key();
      return wanted !== null && machine.read(join(out, `.${part}`)) === wanted;
    },
    release: () => machine.read(join(out, "release")),
  };
}

/** Steps of `faasmem setup kernel`. @param files what to unpack: kernel/ and fastswap/ */
export function kernelSteps(machine: Machine, options: KernelOptions, files: readonly KernelFile[]): Step[] {
  const system = distribution(machine);
  const build = kernelBuild(machine, options);
  const fromDebian = options.source === "debian";
  const packages = fromDebian ? [...BUILD_PACKAGES, SOURCE_PACKAGE] : BUILD_PACKAGES;
  return [
    systemStep(machine, system, options, build),
    ...(options.packages ? [packagesStep(machine, system, packages)] : []),
    toolsStep(machine, build, files),
    configureStep(machine, build),
    compileStep(machine, build, options),
    installStep(machine, build),
    modulesStep(machine, build),
    bootStep(machine, build),
    rebootStep(machine, build),
  ];
}

function systemStep(
  machine: Machine,
  system: Distribution,
  options: KernelOptions,
  build: KernelBuild,
): Step {
  return {
    id: "system",
    title: "a system whose packages are known, with room",
    would: "nothing",
    check: async () => {
      if (!system.apt) return blocked(`${system.name} is neither Debian nor Ubuntu`, MANUAL_STEPS);
      if (
        options.source === "debian" &&
        !machine.exists(SOURCE_ARCHIVE) &&
        !(system.id === "debian" && system.version === "12")
      ) {
        return blocked(
          `${system.name} has no package ${SOURCE_PACKAGE}`,
          "give a Linux 6.1 tree or archive of kernel.org: --source linux-6.1.55.tar.xz",
        );
      }
      if (options.source !== "debian" && !machine.exists(options.source)) {
        return blocked(`there is no ${options.source}`, "give a Linux 6.1 tree or tar archive with --source");
      }
      const free = machine.free(options.out);
      if (free < LEAST_ROOM_BYTES && !machine.exists(build.tree)) {
        return blocked(
          `${options.out} has ${Math.floor(free / 1024 ** 2)} MiB free; 3 GiB is the least`,
          "choose another --out",
        );
      }
      return done(system.name);
    },
    apply: async () => {},
  };
}

function toolsStep(machine: Machine, build: KernelBuild, files: readonly KernelFile[]): Step {
  return {
    id: "tools",
    title: "patch and build script are unpacked",
    would: `write ${files.length} files to ${build.tools}`,
    check: async () =>
      isUnpacked(files, build.tools) ? done(build.tools) : todo("absent or of another version"),
    apply: async (keep) => {
      if (!machine.exists(build.out)) keep({ kind: "folder", path: build.out });
      unpack(files, build.tools);
    },
  };
}

function configureStep(machine: Machine, build: KernelBuild): Step {
  const command = build.script("--prepare");
  return {
    id: "configure",
    title: "Linux 6.1 is unpacked, patched and configured",
    would: command.join(" "),
    check: async () => ((await build.finished("prepared")) ? done(build.tree) : todo("not yet")),
    apply: async () => {
      await must(machine, command, "see what it says above; what is done stays, run it again to go on", true);
    },
  };
}

/** The configuration that is going to be compiled, as far as it is known yet. */
async function configuration(
  machine: Machine,
  build: KernelBuild,
  options: KernelOptions,
): Promise<string | null> {
  const own = machine.read(join(build.tree, ".config"));
  if (own !== null || options.config !== "running" || options.localModules) return own;
  const { code, out } = await machine.run(["zcat", "/proc/config.gz"]);
  return code === 0 ? out : machine.read(`/boot/config-${machine.read("/proc/sys/kernel/osrelease")}`);
}

function compileStep(machine: Machine, build: KernelBuild, options: KernelOptions): Step {
  const command = build.script("--deb");
  return {
    id: "compile",
    title: "it is compiled and packed",
    would: command.join(" "),
    check: async () => {
      if (await build.finished("built")) return done(`Linux ${build.release()}`);
      const text = await configuration(machine, build, options);
      if (text === null) return todo("not yet");
      if (!/^CONFIG_MODULES=y$/m.test(text)) {
        return blocked("this configuration has no loadable modules", "give another one with --config FILE");
      }
      const count = text.match(/^CONFIG_\w+=[ym]$/gm)!.length;
      const minutes = buildMinutes(count, options.jobs);
      return todo(`not yet; ${count} options on ${options.jobs} processors take about ${minutes} minutes`);
    },
    apply: async () => {
      await must(
        machine,
        command,
        `see ${build.out}/build.log; what is compiled stays, run it again to go on`,
        true,
      );
    },
  };
}

function rebootStep(machine: Machine, build: KernelBuild): Step {
  return {
    id: "reboot",
    title: "it is the running kernel",
    would: "reboot, then: faasmem setup kernel --check",
    check: async () => {
      const running = machine.read("/proc/sys/kernel/osrelease");
      const wanted = build.release();
      return wanted !== null && running === wanted
        ? done(`Linux ${running}`)
        : waiting(`Linux ${running} is running`);
    },
    apply: async () => {},
  };
}
