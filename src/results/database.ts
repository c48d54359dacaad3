import { Database } from "bun:sqlite";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { drizzle } from "drizzle-orm/bun-sqlite";
import { FaasmemError } from "../base/errors.ts";
import { dataFolder } from "../base/paths.ts";
import { migrations } from "./migrations.ts";

/** What SQLite says when the disk or the file's limit is reached. */
const FULL_CODES = new Set(["SQLITE_FULL", "SQLITE_IOERR_WRITE"]);

/** Runs database work; a full disk becomes DISK_FULL, and its transaction leaves nothing behind. */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const cause = (error as { cause?: unknown }).cause ?? error;
    if (FULL_CODES.has((cause as { code?: string }).code ?? "")) {
      throw new FaasmemError("DISK_FULL", "the disk is full: nothing of this result was stored", {
        fix: "free some space, or set FAASMEM_HOME to a folder on another disk",
        cause,
      });
    }
    throw error;
  }
}

/**
 * Opens the local database, private to this user, and brings an older schema up to date.
 *
 * @param path default: faasmem.db in the data folder (src/base/paths.ts)
 * @throws FaasmemError NEWER_DATABASE, NO_DATABASE, DISK_FULL
 */
export function openDatabase(path = join(dataFolder(), "faasmem.db")) {
  return guarded(() => {
    const sqlite = open(path);
    sqlite.run("PRAGMA busy_timeout = 5000");
    useWriteAheadLog(sqlite);
    // Off while tables are made anew: dropping the old one would take what refers to it along.
    sqlite.run("PRAGMA foreign_keys = OFF");
    migrate(sqlite, path);
    sqlite.run("PRAGMA foreign_keys = ON");
    return { sqlite, db: drizzle(sqlite) };
  });
}

function open(path: string): Database {
  try {
    const sqlite = new Database(path, { create: true });
    if (path !== ":memory:") chmodSync(path, 0o600);
    return sqlite;
  } catch (cause) {
    throw new FaasmemError("NO_DATABASE", `cannot open ${path}: ${(cause as Error).message}`, {
      fix: "check permissions and free space, or set FAASMEM_HOME to another folder",
      cause,
    });
  }
}

/**
 * Readers go on while others write. SQLite does not wait where another one changes the journal's kind at the same time,
 * whatever busy_timeout says (sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
 */
function useWriteAheadLog(sqlite: Database): void {
  for (let triesLeft = 100; ; triesLeft--) {
    try {
      sqlite.run("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== "SQLITE_BUSY" || triesLeft === 0) throw error;
      Bun.sleepSync(50);
    }
  }
}

function migrate(sqlite: Database, path: string): void {
  const versionOf = () =>
    (sqlite.query("PRAGMA user_version").get() as { user_version: number }).user_version;
  if (versionOf() === migrations.length) return;
  // Commands that start at the same time wait for the first of them, and read the version it left.
  sqlite
    .transaction(() => {
      const version = versionOf();
      if (version > migrations.length) {
        throw new FaasmemError(
          "NEWER_DATABASE",
          `${path} was written by a newer faasmem (schema ${version})`,
          {
            fix: "use that version, or set FAASMEM_HOME to another folder",
          },
        );
      }
      for (const statements of migrations.slice(version)) sqlite.run(statements);
      sqlite.run(`PRAGMA user_version = ${migrations.length}`);
    })
    .immediate();
}
