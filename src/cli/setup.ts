import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { PAGE_BYTES, parseOption, parseSize } from "../base/units.ts";
import type { Machine } from "../setup/machine.ts";
import type { Step } from "../setup/step.ts";

/** Options that every setup has. */
interface CommonOptions {
  yes?: boolean;
  check?: boolean;
  dryRun?: boolean;
  undo?: boolean;
  json?: boolean;
}

/** Adds the common options and what runs the steps that `build` makes of the own ones. */
function setup<Own extends CommonOptions>(
  command: Command,
  build: (options: Own, machine: Machine) => Promise<Step[]> | Step[],
): Command {
  return command
    .option("--check", "only say what is so and what is not; exit code 1 when something is not")
    .option("--dry-run", "only show what would be done")
    .option("--undo", "take back what this setup has changed")
    .option("-y, --yes", "do it without asking")
    .option("--json", "print JSON")
    .action(async (options: Own) => {
      const modes = [options.check, options.dryRun, options.undo].filter(Boolean).length;
      if (modes > 1) {
        throw new FaasmemError("BAD_OPTION", "--check, --dry-run and --undo exclude each other", {
          fix: "give one of them",
          kind: "usage",
        });
      }
      const [{ thisMachine }, { runSetup }] = await Promise.all([
        import("../setup/machine.ts"),
        import("../setup/command.ts"),
      ]);
      const machine = thisMachine();
      const mode = options.check ? "check" : options.dryRun ? "dry-run" : options.undo ? "undo" : "apply";
      process.exitCode = await runSetup({
        name: command.name(),
        command: `faasmem ${process.argv.slice(2).join(" ")}`,
        machine,
        mode,
        steps: mode === "undo" ? [] : await build(options, machine),
        yes: options.yes === true,
        json: options.json === true,
      });
    });
}

const keep = <T>(schema: z.ZodType<T>) => z.union([z.literal("keep").transform(() => null), schema]);
const thp = keep(z.enum(["madvise", "never"]));
const swappiness = keep(z.coerce.number().int().min(0).max(200));
const files = keep(z.coerce.number().int().min(1024).max(1_000_000_000));
const jobs = z.coerce.number().int().min(1).max(4096);
const netdev = z.string().regex(/^[\w.@:-]{1,15}$/, "expected the name of a network interface");
const address = z.union(
  [z.cidrv4(), z.cidrv6()],
  "expected an address with its prefix, for example 10.10.1.1/24",
);
const priority = z.coerce.number().int().min(0).max(32767);

interface HostCliOptions extends CommonOptions {
  thp: string;
  swappiness: string;
  files: string;
  mglru?: boolean;
  persist?: boolean;
}

function host(): Command {
  const command = new Command("host")
    .summary("huge pages, NUMA balancing, swappiness, file limits")
    .description("Prepares this host: what the kernel does with memory on its own, and limits.")
    .option("--thp <value>", "transparent huge pages: madvise, never, or keep", "madvise")
    .option("--swappiness <n>", "0 to 200, or keep; 100: swap is as fast as files", "100")
    .option("--files <n>", "open files of a login, or keep", "65536")
    .option("--mglru", "switch on MGLRU and mount debugfs, for plane swap")
    .option("--persist", "also after the next boot (sysctl.d, tmpfiles.d)")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem setup host --dry-run\n  faasmem setup host --thp never --yes\n  faasmem setup host --undo --yes",
    );
  return setup<HostCliOptions>(command, async (options, machine) => {
    const { hostSteps } = await import("../setup/host.ts");
    return hostSteps(machine, {
      thp: parseOption("--thp", thp, options.thp),
      swappiness: parseOption("--swappiness", swappiness, options.swappiness),
      files: parseOption("--files", files, options.files),
      mglru: options.mglru === true,
      persist: options.persist === true,
    });
  });
}

const LEAST_SWAP_BYTES = 1024 ** 2;

/** Bytes of a swap file. @throws FaasmemError BAD_SIZE */
function swapSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes >= LEAST_SWAP_BYTES) return Math.floor(bytes / PAGE_BYTES) * PAGE_BYTES;
  throw new FaasmemError("BAD_SIZE", `--size ${text}: a swap file has at least 1 MiB`, {
    fix: "write a number with a unit, for example 8GiB",
    kind: "usage",
  });
}

interface SwapfileCliOptions extends CommonOptions {
  path: string;
  size: string;
  priority?: string;
}

function swapfile(): Command {
  const command = new Command("swapfile")
    .summary("a swap file, made and switched on")
    .description("Makes a swap file and switches it on. After a boot, run it again: it finds its file.")
    .option("--path <file>", "where it is", "/var/lib/faasmem/swapfile")
    .option("--size <size>", "its size", "8GiB")
    .option("--priority <n>", "0 to 32767, the largest is used first; default: the kernel gives one")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem setup swapfile --dry-run\n  faasmem setup swapfile --size 32GiB --yes\n  faasmem setup swapfile --undo --yes",
    );
  return setup<SwapfileCliOptions>(command, async (options, machine) => {
    const [{ swapfileSteps }, { knownChanges }] = await Promise.all([
      import("../setup/swapfile.ts"),
      import("../setup/state.ts"),
    ]);
    const own = {
      path: resolve(options.path),
      bytes: swapSize(options.size),
      priority: options.priority === undefined ? null : parseOption("--priority", priority, options.priority),
    };
    return swapfileSteps(machine, own, knownChanges("swapfile"));
  });
}

interface RdmaCliOptions extends CommonOptions {
  netdev?: string;
  address?: string;
  soft?: boolean;
  server?: boolean;
  packages: boolean;
}

function rdma(): Command {
  const command = new Command("rdma")
    .summary("RDMA packages, soft-RoCE where there is no adapter, addresses")
    .description(
      "Installs the RDMA packages, loads the modules, makes a soft-RoCE device where there is no adapter, and waits for an active port. After a boot, run it again.",
    )
    .option("--netdev <name>", "network interface; default: that of the default route")
    .option("--address <address/prefix>", "address for it, for example 10.10.1.1/24")
    .option("--soft", "soft-RoCE although there is an adapter")
    .option("--server", "a memory node: also compile Fastswap's memory server")
    .option("--no-packages", "the packages were installed by hand")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem setup rdma --dry-run\n  faasmem setup rdma --netdev eth1 --address 10.10.1.1/24 --yes\n  faasmem setup rdma --undo --yes",
    );
  return setup<RdmaCliOptions>(command, async (options, machine) => {
    const [{ rdmaSteps }, { kernelFiles }] = await Promise.all([
      import("../setup/rdma.ts"),
      import("../setup/kernel-files.ts"),
    ]);
    return rdmaSteps(machine, {
      netdev: options.netdev === undefined ? null : parseOption("--netdev", netdev, options.netdev),
      address: options.address === undefined ? null : parseOption("--address", address, options.address),
      soft: options.soft === true,
      packages: options.packages,
      serverFiles: options.server ? await kernelFiles() : null,
    });
  });
}

interface KernelCliOptions extends CommonOptions {
  source: string;
  config: string;
  localModules?: boolean;
  out: string;
  jobs: string;
  packages: boolean;
}

function kernel(): Command {
  const command = new Command("kernel")
    .summary("Linux 6.1 with the far-memory patch: fetched, built, installed, made the one that boots")
    .description(
      "Builds Linux 6.1 with the far-memory patch as Debian packages, installs it with the Fastswap modules, and makes it the kernel that boots. Goes on where it was stopped. After the reboot, --check says whether it runs.",
    )
    .option(
      "--source <source>",
      "debian (its package linux-source-6.1), or a Linux 6.1 tree or tar archive",
      "debian",
    )
    .option(
      "--config <config>",
      "running (the running kernel's), guest (small, for tests), or a fragment",
      "running",
    )
    .option("--local-modules", "only the modules that are loaded now: much faster, for this machine alone")
    .option("--out <folder>", "where tree, packages and logs go", "/var/lib/faasmem/kernel")
    .option("--jobs <n>", "compilers at once", String(availableParallelism()))
    .option("--no-packages", "the packages that the build needs were installed by hand")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem setup kernel --dry-run\n  faasmem setup kernel --local-modules --yes\n  faasmem setup kernel --source linux-6.1.55.tar.xz --yes\n  faasmem setup kernel --check",
    );
  return setup<KernelCliOptions>(command, async (options, machine) => {
    const [{ kernelSteps }, { kernelFiles }] = await Promise.all([
      import("../setup/kernel.ts"),
      import("../setup/kernel-files.ts"),
    ]);
    const named = (value: string, names: string[]) => (names.includes(value) ? value : resolve(value));
    const own = {
      source: named(options.source, ["debian"]),
      config: named(options.config, ["running", "guest"]),
      localModules: options.localModules === true,
      out: resolve(options.out),
      jobs: parseOption("--jobs", jobs, options.jobs),
      packages: options.packages,
    };
    return kernelSteps(machine, own, await kernelFiles());
  });
}

export function command(): Command {
  return new Command("setup")
    .summary("prepare this node: host, swapfile, RDMA, kernel")
    .description(
      "Prepares this node, in steps that can be run again, looked at (--check, --dry-run) and taken back (--undo).",
    )
    .addCommand(host())
    .addCommand(swapfile())
    .addCommand(rdma())
    .addCommand(kernel());
}
