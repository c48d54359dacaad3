import { dlopen, FFIType } from "bun:ffi";

const PR_SET_PDEATHSIG = 1;

/** The signal that ended a wait, or "stdin" when the parent closed our standard input. */
export type StopReason = "SIGINT" | "SIGTERM" | "SIGHUP" | "stdin";

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP, or, with `watchStdin`, when standard input ends. A second
 * signal ends the process at once.
 */
export function untilStopped(options: { watchStdin?: boolean } = {}): Promise<StopReason> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (stopping) process.exit(130);
        stopping = true;
        resolve(signal);
      });
    }
    if (options.watchStdin) {
      (async () => {
        for await (const _ of Bun.stdin.stream()) {
          // only its end matters
        }
        stopping = true;
        resolve("stdin");
      })();
    }
  });
}

/** Ends this process with its parent, even when the parent is killed (prctl(2), PR_SET_PDEATHSIG). */
export function dieWithParent(): void {
  const libc = dlopen("libc.so.6", {
    prctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
  });
  libc.symbols.prctl(PR_SET_PDEATHSIG, 9n, 0n, 0n, 0n);
  libc.close();
}

/** Exit code of a process that a signal ended, as shells have it. */
export const exitCodeOf = (reason: StopReason): number => (reason === "SIGINT" ? 130 : 0);
