import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { dataFolder } from "../base/paths.ts";
import { type Change, change, merged, subject } from "./change.ts";

const schema = z.object({
  schema: z.literal(1),
  changes: z.array(z.object({ step: z.string(), at: z.string(), change })),
});
type Content = z.infer<typeof schema>;

const setupFolder = () => join(dataFolder(), "setup");

/** What a setup has changed so far, to look at. @throws FaasmemError BAD_STATE */
export function knownChanges(name: string, folder = setupFolder()): Change[] {
  return load(join(folder, `${name}.json`)).changes.map((entry) => entry.change);
}

/** The changes of one setup (`host`, `swapfile`, ...), on disk. */
export class SetupState {
  readonly path: string;
  readonly #lock: string;
  #content: Content;

  /**
   * Takes the setup for this process; `close` gives it back.
   * @param folder default: `setup` in the data folder (src/base/paths.ts)
   * @throws FaasmemError SETUP_RUNNING, BAD_STATE
   */
  constructor(name: string, folder = setupFolder()) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.path = join(folder, `${name}.json`);
    this.#lock = join(folder, `${name}.lock`);
    takeLock(this.#lock, name);
    try {
      this.#content = load(this.path);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Oldest first. */
  get changes(): readonly Content["changes"][number][] {
    return this.#content.changes;
  }

  /** Writes a change down; of the same thing only the first `before` counts. */
  add(step: string, made: Change): void {
    const same = this.#content.changes.find((entry) => subject(entry.change) === subject(made));
    if (same) same.change = merged(same.change, made);
    else this.#content.changes.push({ step, at: new Date().toISOString(), change: made });
    this.#save();
  }

  /** Forgets a change that was taken back. */
  drop(made: Change): void {
    this.#content.changes = this.#content.changes.filter((entry) => entry.change !== made);
    this.#save();
  }

  close(): void {
    rmSync(this.#lock, { force: true });
  }

  #save(): void {
    if (this.#content.changes.length === 0) {
      rmSync(this.path, { force: true });
      return;
    }
    // Either the old file or the new one is there, whatever happens.
    writeFileSync(`${this.path}.new`, `${JSON.stringify(this.#content, null, 1)}\n`, {
      mode: 0o600,
      flush: true,
    });
    renameSync(`${this.path}.new`, this.path);
  }
}

function load(path: string): Content {
  if (!existsSync(path)) return { schema: 1, changes: [] };
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    throw new FaasmemError("BAD_STATE", `${path} cannot be understood`, {
      fix: "it was written by another version, or changed: use that version to undo, or move the file away",
      cause,
    });
  }
}

/** Number and start of a process (field 22 of proc_pid_stat(5)): numbers are used again. Null: there is none. */
function processName(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return null;
  }
}

function takeLock(path: string, name: string): void {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, processName(process.pid)!, { flag: "wx", mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = readFileSync(path, "utf8");
    if (owner === processName(Number.parseInt(owner, 10))) break;
    rmSync(path, { force: true });
  }
  throw new FaasmemError("SETUP_RUNNING", `setup ${name} is running already`, { fix: "wait for it to end" });
}
