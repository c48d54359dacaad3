import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import { fileUp } from "./file.ts";
import type { Steps } from "./steps.ts";
import { runTool } from "./tool.ts";

/** Parameters of the modules in fastswap/. */
export interface FastswapOptions {
  /** Pages in another machine's memory, or for tests in this one's. */
  backend: "rdma" | "dram";
  sizeBytes: number;
  /** The swap file behind it: a page's place over there is its offset in it, and what is refused goes there. */
  path: string;
  /** Folder of fastswap_rdma.ko and fastswap_dram.ko. */
  modules: string;
  /** Memory server; null for `dram`. */
  server: { host: string; port: number } | null;
  /** Address of this machine to connect from; null: by the route. */
  client: string | null;
  /** Pairs of queues; null: one for each processor. */
  queues: number | null;
}

/**
 * Frontswap on the patched kernel: the module, then a swap file in front of which it stands.
 * @throws FaasmemError NO_FASTSWAP, FASTSWAP_LOST, ...
 */
export async function fastswapUp(options: FastswapOptions, steps: Steps): Promise<string> {
  const name = `fastswap_${options.backend}`;
  const file = join(options.modules, `${name}.ko`);
  if (existsSync(`/sys/module/${name}`)) {
    throw new FaasmemError("NO_FASTSWAP", `${name} is loaded already, by somebody else`, {
      fix: `end what uses it and unload it (swapoff, rmmod ${name}), then run it again`,
    });
  }
  if (!existsSync(file)) {
    throw new FaasmemError("NO_FASTSWAP", `there is no ${file}`, {
      fix: "build it (fastswap/README.md) and say where it is with --modules",
    });
  }
  await insert(file, parameters(options));
  steps.undoBy({ kind: "module", name });
  steps.did(`module ${name} loaded`);
  if (options.backend === "rdma") await connected(options);
  return fileUp({ sizeBytes: options.sizeBytes, path: options.path }, steps);
}

/** The words that insmod gets. */
export function parameters(options: FastswapOptions): string[] {
  const mebibytes = Math.floor(options.sizeBytes / 2 ** 20);
  if (options.backend === "dram") return [`size_mb=${mebibytes}`];
  const { server, client, queues } = options;
  return [
    `server=${server!.host}`,
    `port=${server!.port}`,
    `capacity=${mebibytes}M`,
    ...(client === null ? [] : [`client=${client}`]),
    ...(queues === null ? [] : [`queues=${queues}`]),
  ];
}

async function insert(file: string, words: string[]): Promise<void> {
  try {
    await runTool(["insmod", file, ...words], "NO_FASTSWAP", "see the kernel log (dmesg)");
  } catch (cause) {
    if (!(cause instanceof FaasmemError) || cause.code !== "NO_FASTSWAP") throw cause;
    throw new FaasmemError("NO_FASTSWAP", `${file} cannot be loaded: ${cause.message}`, {
      fix: fixOf(cause.message),
      cause,
    });
  }
}

/** What to do about the reasons that insmod gives. */
export function fixOf(said: string): string {
  if (/invalid module format|exec format/i.test(said))
    return `it was built for another kernel than ${release()}: build it against this one, or start the kernel that it is for`;
  if (/unknown symbol/i.test(said))
    return "this kernel lacks the far-memory patch: faasmem setup kernel, restart, then run it again";
  if (/key|required key/i.test(said))
    return "this kernel takes signed modules only: sign it, or switch that off";
  return "see the kernel log (dmesg): server, port and addresses must be right, and the RDMA link up";
}

async function connected(options: FastswapOptions): Promise<void> {
  const path = "/sys/kernel/fastswap_rdma/state";
  let state = "absent";
  for (const end = Date.now() + 5000; Date.now() < end; await Bun.sleep(100)) {
    state = existsSync(path) ? readFileSync(path, "utf8").trim() : "absent";
    if (state === "connected") return;
  }
  const { host, port } = options.server!;
  throw new FaasmemError(
    "FASTSWAP_LOST",
    `no connection to the memory server at ${host}:${port} (${state})`,
    {
      fix: "start fastswap-server there with this machine in --allow, and check the link with ibstat",
    },
  );
}
