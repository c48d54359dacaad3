import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { FaasmemError } from "../../base/errors.ts";

/**
 * Writes a file, its folders included; a reader sees the old one or all of the new one. Returns its path.
 * @throws FaasmemError NO_FOLDER
 */
export function writeWhole(path: string, content: string | Uint8Array): string {
  makeFolder(dirname(path));
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return path;
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    if (!["EEXIST", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
    throw new FaasmemError("NO_FOLDER", `${path} is not a folder`, {
      fix: "name a folder with --out",
      kind: "usage",
      cause,
    });
  }
}
