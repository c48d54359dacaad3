import { release } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { dataFolder } from "../base/paths.ts";
import { parseOption, parseSize } from "../base/units.ts";
import { driverDown, type SwapRequest, swapUp } from "../driver/driver.ts";
import { fastswapUp } from "../driver/fastswap.ts";
import { fileUp } from "../driver/file.ts";
import { nvmeofUp } from "../driver/nvmeof.ts";
import { devices } from "../driver/state.ts";
import { driverStatus } from "../driver/status.ts";
import { checkServer } from "../driver/uffd.ts";
import { zramUp } from "../driver/zram.ts";
import { planeName, serverAddress } from "../node/options.ts";
import { driverTable } from "../report/driver-table.ts";

interface UpOptions {
  plane: string;
  device: string;
  size: string;
  algorithm?: string;
  path?: string;
  server?: string;
  address?: string;
  nqn?: string;
  transport: string;
  backend: string;
  modules?: string;
  client?: string;
  queues?: string;
  format?: boolean;
  json?: boolean;
}

const address = z.string().regex(/^[0-9a-fA-F.:]+$/, "expected an IP address");
const queueCount = z.coerce.number().int().min(1).max(1024);

const EXAMPLES = `
Examples:
  faasmem driver up --plane swap --device zram --size 2GiB
  faasmem driver up --plane swap --device file --size 8GiB --path /var/faasmem.swap
  faasmem driver up --plane swap --device nvmeof --address 10.0.0.2:4420 --nqn nqn.2024-01.far.memory:swap
  faasmem driver up --plane swap --device fastswap --size 32GiB --address 10.0.0.2:50000
  faasmem driver up --plane uffd --server 127.0.0.1:50000`;

export function command(): Command {
  const root = new Command("driver")
    .summary("where pages go: set a swap up and take it away, check a memory server")
    .description(
      "Sets up what a memory plane of this node needs, shows it, and undoes exactly that (docs/concepts/planes.md).",
    );
  root
    .command("up")
    .description(
      "Plane swap: makes a swap device and turns it on, before all other swap; once, however often it is called. Plane uffd: checks that the memory server answers.",
    )
    .option("--plane <name>", "uffd or swap", "swap")
    .option("--device <kind>", `swap: ${devices.join(", ")}`, "zram")
    .option("--size <size>", "zram, file, fastswap: pages it can hold", "1GiB")
    .option("--algorithm <name>", "zram: compression (default: the kernel's)")
    .option("--path <file>", "file, fastswap: the swap file to make (default: swapfile in FAASMEM_HOME)")
    .option("--address <host:port>", "nvmeof, fastswap: the memory node")
    .option("--nqn <name>", "nvmeof: the subsystem it exports")
    .option("--transport <name>", "nvmeof: tcp or rdma", "tcp")
    .option("--backend <name>", "fastswap: rdma, or dram (this machine's own memory: for tests)", "rdma")
    .option(
      "--modules <dir>",
      "fastswap: folder of the kernel modules (default: extra, of the running kernel's)",
    )
    .option("--client <address>", "fastswap: address of this machine to connect from (default: by the route)")
    .option("--queues <n>", "fastswap: pairs of queues (default: one for each processor)")
    .option("--format", "nvmeof: overwrite what is on the device")
    .option("--server <host:port>", "uffd: the memory server")
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLES)
    .action(up);
  root
    .command("status")
    .description("Shows what is set up and what it holds, the memory of a compressed store apart.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  faasmem driver status\n  faasmem driver status --json")
    .action((options: { json?: boolean }) => {
      const status = driverStatus();
      console.log(options.json ? JSON.stringify(status) : driverTable(status));
    });
  root
    .command("down")
    .description("Undoes what `up` did, and nothing else. Pages in swap come back to memory first.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  faasmem driver down")
    .action(async (options: { json?: boolean }) => {
      const done: string[] = [];
      const changed = await driverDown(teller(options.json, done));
      if (options.json) console.log(JSON.stringify({ changed, done }));
      else if (!changed) console.log("nothing is set up");
    });
  return root;
}

/** Lines go to the terminal at once, or into the JSON at the end. */
function teller(json: boolean | undefined, done: string[]): (line: string) => void {
  return (line) => {
    done.push(line);
    if (!json) console.log(line);
  };
}

async function up(options: UpOptions): Promise<void> {
  if (parseOption("--plane", planeName, options.plane) === "uffd") {
    if (!options.server) throw missing("--server", "the memory server to check");
    const address = parseOption("--server", serverAddress, options.server);
    const { connectMs } = await checkServer(address);
    if (options.json) console.log(JSON.stringify({ server: options.server, connectMs }));
    else
      console.log(`the memory server at ${options.server} answers (connected in ${connectMs.toFixed(1)} ms)`);
    return;
  }
  const done: string[] = [];
  const { state, changed } = await swapUp(requestOf(options), teller(options.json, done));
  if (options.json) console.log(JSON.stringify({ changed, area: state.area, done }));
  else if (!changed) console.log(`${state.area} is up already: nothing to do`);
}

function requestOf(options: UpOptions): SwapRequest {
  const device = parseOption("--device", z.enum(devices), options.device);
  const sizeBytes = parseSize(options.size);
  switch (device) {
    case "zram": {
      const algorithm = options.algorithm ?? null;
      return {
        device,
        wanted: { sizeBytes, algorithm },
        setUp: (steps) => zramUp({ sizeBytes, algorithm }, steps),
      };
    }
    case "file": {
      const path = options.path ?? join(dataFolder(), "swapfile");
      return { device, wanted: { sizeBytes, path }, setUp: (steps) => fileUp({ sizeBytes, path }, steps) };
    }
    case "nvmeof": {
      if (!options.address) throw missing("--address", "the memory node");
      if (!options.nqn) throw missing("--nqn", "the subsystem that it exports");
      const { host, port } = parseOption("--address", serverAddress, options.address);
      const transport = parseOption("--transport", z.enum(["tcp", "rdma"]), options.transport);
      const nqn = parseOption("--nqn", z.string().regex(/^[^,\s]{1,223}$/), options.nqn);
      return {
        device,
        wanted: { host, port, nqn, transport },
        setUp: (steps) => nvmeofUp({ host, port, nqn, transport, format: options.format === true }, steps),
      };
    }
    case "fastswap":
      return fastswapRequest(options, sizeBytes);
  }
}

function fastswapRequest(options: UpOptions, sizeBytes: number): SwapRequest {
  const backend = parseOption("--backend", z.enum(["rdma", "dram"]), options.backend);
  if (backend === "rdma" && !options.address) throw missing("--address", "the memory server");
  const server = backend === "rdma" ? parseOption("--address", serverAddress, options.address) : null;
  const client = options.client === undefined ? null : parseOption("--client", address, options.client);
  const queues = options.queues === undefined ? null : parseOption("--queues", queueCount, options.queues);
  const path = options.path ?? join(dataFolder(), "swapfile");
  const modules = options.modules ?? `/lib/modules/${release()}/extra`;
  return {
    device: "fastswap",
    wanted: {
      backend,
      sizeBytes,
      path,
      modules,
      server: server && `${server.host}:${server.port}`,
      client,
      queues,
    },
    setUp: (steps) => fastswapUp({ backend, sizeBytes, path, modules, server, client, queues }, steps),
  };
}

function missing(flag: string, what: string): FaasmemError {
  return new FaasmemError("BAD_OPTION", `${flag} is missing: ${what}`, {
    fix: `give ${flag} (see: faasmem driver up --help)`,
    kind: "usage",
  });
}
