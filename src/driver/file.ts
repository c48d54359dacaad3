import { dlopen, FFIType } from "bun:ffi";
import { closeSync, existsSync, openSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import { formatMiB } from "../base/units.ts";
import { type Steps, swapOn } from "./steps.ts";

/** A swap file. @throws FaasmemError FILE_EXISTS, DISK_FULL, SWAPON, ... */
export async function fileUp(options: { sizeBytes: number; path: string }, steps: Steps): Promise<string> {
  const { path, sizeBytes } = options;
  if (existsSync(path)) {
    throw new FaasmemError("FILE_EXISTS", `${path} exists`, {
      fix: "name another with --path: a file that is there is never overwritten",
      kind: "usage",
    });
  }
  const { bavail, bsize } = statfsSync(dirname(path));
  if (bavail * bsize < sizeBytes) {
    throw new FaasmemError(
      "DISK_FULL",
      `${dirname(path)} has ${formatMiB(bavail * bsize)} MiB free, ${formatMiB(sizeBytes)} are needed`,
      { fix: "choose a smaller --size, or another disk with --path" },
    );
  }
  const fd = openSync(path, "wx", 0o600);
  steps.undoBy({ kind: "remove-file", path });
  try {
    allocate(fd, path, sizeBytes);
  } finally {
    closeSync(fd);
  }
  steps.did(`${path} made, ${formatMiB(sizeBytes)} MiB`);
  await swapOn(path, steps);
  return path;
}

/** Gives a file its blocks without writing them: a swap file may have no holes. */
function allocate(fd: number, path: string, bytes: number): void {
  const libc = dlopen("libc.so.6", {
    fallocate: { args: [FFIType.i32, FFIType.i32, FFIType.i64, FFIType.i64], returns: FFIType.i32 },
  });
  const result = libc.symbols.fallocate(fd, 0, 0n, BigInt(bytes));
  libc.close();
  if (result === 0) return;
  throw new FaasmemError("SWAPON", `the file system of ${path} cannot allocate a swap file`, {
    fix: "put it on ext4 or xfs with --path",
  });
}
