import { dlopen, FFIType, ptr } from "bun:ffi";
import { closeSync } from "node:fs";
import { FaasmemError } from "../src/base/errors.ts";

/** Seals of memfd_create(2): nobody, this process included, can change the library after it was written. */
const F_ADD_SEALS = 1033;
const F_SEAL_ALL = 0x1 | 0x2 | 0x4 | 0x8;
const MFD_CLOEXEC_ALLOW_SEALING = 0x1 | 0x2;

const { i32, u32, u64, i64, pointer } = FFIType;

const symbols = {
  fm_set_empty: { args: [], returns: pointer },
  fm_set_union: { args: [pointer, pointer], returns: pointer },
  fm_set_subtract: { args: [pointer, pointer], returns: pointer },
  fm_set_intersect: { args: [pointer, pointer], returns: pointer },
  fm_set_range: { args: [u64, u64], returns: pointer },
  fm_set_first: { args: [pointer, u64], returns: pointer },
  fm_set_of_ranges: { args: [pointer, u64], returns: pointer },
  fm_set_range_count: { args: [pointer], returns: u64 },
  fm_set_ranges: { args: [pointer, pointer], returns: FFIType.void },
  fm_set_pages: { args: [pointer], returns: u64 },
  fm_set_free: { args: [pointer], returns: FFIType.void },
  fm_engine_open: { args: [pointer, u32, pointer], returns: pointer },
  fm_engine_open_local: { args: [u64, pointer], returns: pointer },
  fm_engine_open_swap: { args: [pointer], returns: pointer },
  fm_engine_event_fd: { args: [pointer], returns: i32 },
  fm_engine_pool_alive: { args: [pointer], returns: i32 },
  fm_engine_set_fault_around: { args: [pointer, u32], returns: i32 },
  fm_engine_set_agent: { args: [pointer, pointer, u64], returns: i32 },
  fm_engine_use_tracker: { args: [pointer, u32], returns: i32 },
  fm_look_cost: { args: [pointer], returns: i32 },
  fm_engine_close: { args: [pointer], returns: FFIType.void },
  fm_agent_pair: { args: [pointer], returns: i32 },
  fm_attach: { args: [pointer, i32, i32], returns: i32 },
  fm_snapshot: { args: [pointer, u32, u64], returns: i32 },
  fm_evict: { args: [pointer, u32, pointer, u64, u64], returns: i32 },
  fm_prefetch: { args: [pointer, u32, pointer, u64], returns: i32 },
  fm_warm: { args: [pointer, u32, pointer, u32], returns: i32 },
  fm_touched: { args: [pointer, u32, u32, u64], returns: i32 },
  fm_take_recalled: { args: [pointer, u32, u64], returns: i32 },
  fm_release_files: { args: [pointer, u32, u64], returns: i32 },
  fm_age: { args: [pointer, u32, u64], returns: i32 },
  fm_count: { args: [pointer, u32, u32, u64], returns: i32 },
  fm_evict_generations: { args: [pointer, u32, u32, u64, u64], returns: i32 },
  fm_cancel: { args: [pointer, u32], returns: i32 },
  fm_space_stats: { args: [pointer, u32, pointer], returns: i32 },
  fm_space_close: { args: [pointer, u32], returns: i32 },
  fm_server_open: { args: [pointer, u32, u64, pointer], returns: pointer },
  fm_server_port: { args: [pointer], returns: i32 },
  fm_server_stats: { args: [pointer, pointer], returns: i32 },
  fm_server_close: { args: [pointer], returns: FFIType.void },
  fm_trial: { args: [u32, pointer], returns: i32 },
} as const;

/** The functions of ffi/faasmem.h. */
export type Library = ReturnType<typeof open>;

/** A zero-terminated copy of a string for C; keep a reference to it during the call. */
export const cString = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

function open(path: string) {
  return dlopen(path, symbols).symbols;
}

let loaded: Library | undefined;

/**
 * A sealed memory file with these bytes: to be loaded or executed as /proc/self/fd/N. Nobody, this process
 * included, can change it any more, and it has no name on any disk.
 *
 * @returns its descriptor, close-on-exec
 */
export function sealedFile(name: string, bytes: Uint8Array): number {
  const libc = dlopen("libc.so.6", {
    memfd_create: { args: [pointer, u32], returns: i32 },
    write: { args: [i32, pointer, u64], returns: i64 },
    fcntl: { args: [i32, i32, i32], returns: i32 },
  }).symbols;
  const fd = libc.memfd_create(ptr(cString(name)), MFD_CLOEXEC_ALLOW_SEALING);
  try {
    for (let done = 0; done < bytes.length; ) {
      const wrote = fd < 0 ? -1 : Number(libc.write(fd, ptr(bytes, done), BigInt(bytes.length - done)));
      if (wrote <= 0) throw new Error("no memory file");
      done += wrote;
    }
    if (libc.fcntl(fd, F_ADD_SEALS, F_SEAL_ALL) < 0) throw new Error("the memory file cannot be sealed");
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    throw error;
  }
  return fd;
}

/**
 * Loads the C library, once. Its bytes go into a sealed memory file and are loaded from there: Bun's own way
 * (a file in the temporary folder) leaves something that another process of the same user could replace, and
 * fails where that folder is mounted noexec.
 *
 * @param bytes content of libfaasmem.so
 * @throws FaasmemError NO_LIBRARY when the loader refuses it
 */
export function loadLibrary(bytes: Uint8Array): Library {
  if (loaded) return loaded;
  let fd = -1;
  try {
    fd = sealedFile("libfaasmem.so", bytes);
    loaded = open(`/proc/self/fd/${fd}`);
    return loaded;
  } catch (cause) {
    throw new FaasmemError("NO_LIBRARY", `the C library cannot be loaded: ${String(cause)}`, {
      fix: "faasmem needs Linux with glibc 2.34 or newer and /proc mounted",
      cause,
    });
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
