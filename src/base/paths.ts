import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { FaasmemError } from "./errors.ts";

/**
 * Folder of what outlives a command (results, traces): `$FAASMEM_HOME`, else `$XDG_DATA_HOME/faasmem`, else
 * `~/.local/share/faasmem`. Created private (0700) when missing.
 * @throws FaasmemError NO_DATA_FOLDER
 */
export function dataFolder(): string {
  const path =
    process.env.FAASMEM_HOME ??
    join(process.env.XDG_DATA_HOME ?? join(homedir(), ".local", "share"), "faasmem");
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new FaasmemError("NO_DATA_FOLDER", `cannot make ${path}: ${(cause as Error).message}`, {
      fix: "set FAASMEM_HOME to a folder that can be written",
      cause,
    });
  }
  return path;
}

const RUN_FOLDER = /^faasmem-(\d+)-\w+$/;

/** Has the process ended? One that nobody has waited for yet (a zombie) has. */
export function hasEnded(pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return true;
  }
}

/**
 * A fresh private (0700) folder for sockets and scratch files of one run; the caller removes it. Folders of
 * runs that were killed before they could are removed here.
 */
export function runFolder(): string {
  const parent = process.env.XDG_RUNTIME_DIR ?? tmpdir();
  for (const name of readdirSync(parent)) {
    const owner = RUN_FOLDER.exec(name)?.[1];
    if (owner && hasEnded(owner)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  const path = mkdtempSync(join(parent, `faasmem-${process.pid}-`));
  chmodSync(path, 0o700);
  return path;
}
