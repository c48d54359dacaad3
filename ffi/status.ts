import { FaasmemError } from "../src/base/errors.ts";

/** Codes, messages and fixes of enum fm_status (ffi/faasmem.h), by the negative value. */
const table: Record<number, { code: string; message: string; fix: string }> = {
  [-1]: {
    code: "OUT_OF_MEMORY",
    message: "out of memory",
    fix: "free memory on this machine, or start fewer sandboxes",
  },
  [-2]: {
    code: "NO_USERFAULTFD",
    message: "userfaultfd is absent or not permitted",
    fix: "run as root (or with CAP_SYS_PTRACE) on a kernel with CONFIG_USERFAULTFD=y; --system baseline works without",
  },
  [-3]: {
    code: "KERNEL_TOO_OLD",
    message: "the kernel lacks UFFDIO_MOVE",
    fix: "use Linux 6.8 or newer; --system baseline works on any",
  },
  [-4]: {
    code: "NO_MEMORY_SERVER",
    message: "the memory server does not answer",
    fix: "start it (faasmem server) and check address and port",
  },
  [-5]: {
    code: "POOL_LOST",
    message: "the connection to the memory server broke",
    fix: "start the memory server again, then this node",
  },
  [-6]: {
    code: "POOL_FULL",
    message: "the memory server has no room left",
    fix: "start it with a larger --capacity",
  },
  [-7]: { code: "PROCESS_GONE", message: "the process has ended", fix: "nothing to do: its memory is free" },
  [-8]: {
    code: "BUSY",
    message: "an operation of this kind is running on the sandbox",
    fix: "wait for it to end, or cancel it",
  },
  [-9]: { code: "BAD_ARGUMENT", message: "an argument is out of range", fix: "see the command's --help" },
  [-10]: {
    code: "SYSTEM_CALL",
    message: "a system call failed",
    fix: "see the kernel log, and the limits on descriptors (ulimit -n)",
  },
  [-11]: {
    code: "PORT_IN_USE",
    message: "the address is in use or not this machine's",
    fix: "choose another with --port (0 = any free one)",
  },
  [-12]: {
    code: "BAD_POOL_DATA",
    message: "the peer does not speak this protocol, or gave wrong data",
    fix: "run the same version of faasmem on both nodes",
  },
  [-14]: {
    code: "NO_AGENT",
    message: "the process did not load the preload agent",
    fix: "the program must be dynamically linked and must not clear its environment; it can run with --system baseline",
  },
  [-15]: {
    code: "NOT_PERMITTED",
    message: "this needs a privilege that the process lacks",
    fix: "run as root",
  },
  [-20]: {
    code: "NO_SWAP",
    message: "the swap plane has nowhere to send pages: no swap is on",
    fix: "turn one on: faasmem driver up --plane swap --device zram",
  },
  [-22]: {
    code: "NO_CGROUP",
    message: "the process is in no memory cgroup of its own",
    fix: "start the node with --tracker mglru, as root and with the memory controller available",
  },
  [-21]: {
    code: "NOT_ON_THIS_PLANE",
    message: "this memory plane has no such thing",
    fix: "generations (mglru) need --plane swap, a fault-around window needs --plane uffd (swap: sysctl vm.page-cluster)",
  },
  [-13]: {
    code: "PAGE_SIZE",
    message: "this machine's pages are not 4096 bytes",
    fix: "use a kernel with 4 KiB pages",
  },
};

/**
 * The typed error of a negative status of the C library.
 * @param context what was being done, put before the message
 */
export function statusError(status: number, context?: string): FaasmemError {
  const entry = table[status] ?? {
    code: "ENGINE",
    message: `status ${status}`,
    fix: "this is a defect: report it with FAASMEM_DEBUG=1 output",
  };
  return new FaasmemError(entry.code, context ? `${context}: ${entry.message}` : entry.message, {
    fix: entry.fix,
  });
}
