import { chmodSync, mkdirSync, mkdtempSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Folder of what outlives a command (results, traces): `$FAASMEM_HOME`, else `$XDG_DATA_HOME/faasmem`, else
 * `~/.local/share/faasmem`. Created private (0700) when missing.
 */
export function dataFolder(): string {
  const path =
    process.env.FAASMEM_HOME ??
    join(process.env.XDG_DATA_HOME ?? join(homedir(), ".local", "share"), "faasmem");
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

/** A fresh private (0700) folder for sockets and scratch files of one run; the caller removes it. */
export function runFolder(): string {
  const path = mkdtempSync(join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), "faasmem-"));
  chmodSync(path, 0o700);
  return path;
}
