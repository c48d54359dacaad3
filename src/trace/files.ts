import { existsSync } from "node:fs";
import { basename, extname } from "node:path";
import { FaasmemError } from "../base/errors.ts";

const unpackers: Record<string, string> = {
  ".rar": "unrar x",
  ".7z": "7z x",
  ".zip": "unzip",
  ".gz": "gunzip",
};

/** @throws FaasmemError NO_SUCH_FILE, ARCHIVED_TRACE */
export function assertReadable(path: string): void {
  const unpacker = unpackers[extname(path).toLowerCase()];
  if (unpacker) {
    throw new FaasmemError("ARCHIVED_TRACE", `${path} is an archive`, {
      fix: `unpack it first: ${unpacker} ${path}`,
      kind: "usage",
    });
  }
  if (!existsSync(path)) {
    throw new FaasmemError("NO_SUCH_FILE", `there is no file ${path}`, {
      fix: "check the path",
      kind: "usage",
    });
  }
}

/** Name of a trace after its file. */
export const nameOf = (path: string): string =>
  basename(path, extname(path))
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-");
