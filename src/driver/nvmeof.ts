import { closeSync, existsSync, openSync, readdirSync, readSync, writeSync } from "node:fs";
import { FaasmemError } from "../base/errors.ts";
import { loadModule, type Steps, swapOn } from "./steps.ts";

const FABRICS = "/dev/nvme-fabrics";
const NAMESPACE_MS = 5000;
/** Any file system, partition table or volume shows itself in the first MiB. */
const LOOK_BYTES = 1 << 20;

export interface NvmeofOptions {
  transport: "tcp" | "rdma";
  host: string;
  port: number;
  /** Name of the subsystem that the memory node exports. */
  nqn: string;
  /** Overwrite what is on the namespace. */
  format: boolean;
}

/**
 * Swap to a namespace of another machine, connected as nvme-cli does it: by the kernel's fabrics interface.
 * @throws FaasmemError NO_NVMEOF, NVME_CONNECT, DEVICE_NOT_EMPTY, ...
 */
export async function nvmeofUp(options: NvmeofOptions, steps: Steps): Promise<string> {
  const { transport, host, port, nqn } = options;
  await loadModule(`nvme-${transport}`, `/sys/module/nvme_${transport}`, steps, {
    code: "NO_NVMEOF",
    message: `this kernel has no NVMe over ${transport.toUpperCase()}`,
    fix: `use a kernel with CONFIG_NVME_${transport.toUpperCase()} (Debian's and Ubuntu's have it), or --device zram`,
  });
  const controller = connect(`transport=${transport},traddr=${host},trsvcid=${port},nqn=${nqn}`);
  steps.undoBy({ kind: "nvme", controller });
  steps.did(`${controller} connected to ${nqn} at ${host}:${port}`);
  const area = await namespaceOf(controller);
  if (!options.format) assertEmpty(area);
  await swapOn(area, steps);
  return area;
}

function connect(order: string): string {
  let fd = -1;
  try {
    fd = openSync(FABRICS, "r+");
    writeSync(fd, order);
    const answer = Buffer.alloc(256);
    const text = answer.toString("latin1", 0, readSync(fd, answer));
    return `nvme${/instance=(\d+)/.exec(text)![1]}`;
  } catch (cause) {
    throw new FaasmemError(
      "NVME_CONNECT",
      `the memory node does not take the connection: ${(cause as Error).message}`,
      { fix: "check --address and --nqn, and that the target is exported there (dmesg tells more)", cause },
    );
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

/** The block device of the controller's first namespace; with multipath its name leaves the controller out. */
async function namespaceOf(controller: string): Promise<string> {
  for (const end = Date.now() + NAMESPACE_MS; Date.now() < end; await Bun.sleep(50)) {
    for (const name of readdirSync(`/sys/class/nvme/${controller}`)) {
      const match = /^(nvme\d+)(?:c\d+)?(n\d+)$/.exec(name);
      if (match && existsSync(`/dev/${match[1]}${match[2]}`)) return `/dev/${match[1]}${match[2]}`;
    }
  }
  throw new FaasmemError("NVME_CONNECT", `${controller} has no namespace`, {
    fix: "add a namespace to the subsystem on the memory node, and enable it",
  });
}

/** Nothing, or swap of an earlier time. */
export function isEmptyOrSwap(start: Uint8Array): boolean {
  const magic = new TextDecoder("latin1").decode(start.subarray(4086, 4096));
  return magic === "SWAPSPACE2" || start.every((byte) => byte === 0);
}

function assertEmpty(area: string): void {
  const start = Buffer.alloc(LOOK_BYTES);
  const fd = openSync(area, "r");
  const length = readSync(fd, start);
  closeSync(fd);
  if (isEmptyOrSwap(start.subarray(0, length))) return;
  throw new FaasmemError("DEVICE_NOT_EMPTY", `${area} holds something other than swap`, {
    fix: "export an empty namespace, or say --format to overwrite it",
  });
}
