import { dlopen, FFIType, ptr, read } from "bun:ffi";
import { getSystemErrorName } from "node:util";

/** SWAP_FLAG_PREFER of swapon(2): a priority is given. */
const PREFER = 0x8000;

/**
 * swapon(2) with a priority. The system's tool is not used: the one of small systems (busybox) may know no priorities.
 * @returns null, or the name of the error
 */
export function swapon(area: string, priority: number): string | null {
  const libc = dlopen("libc.so.6", {
    swapon: { args: [FFIType.pointer, FFIType.i32], returns: FFIType.i32 },
    __errno_location: { args: [], returns: FFIType.pointer },
  });
  try {
    const path = new TextEncoder().encode(`${area}\0`);
    if (libc.symbols.swapon(ptr(path), PREFER | priority) === 0) return null;
    return getSystemErrorName(-read.i32(libc.symbols.__errno_location()!));
  } finally {
    libc.close();
  }
}
