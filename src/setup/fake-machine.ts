import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Ended, type Machine, thisMachine } from "./machine.ts";

/** A machine for tests: real files below a folder of its own, programs that are functions. */
export interface FakeMachine extends Machine {
  readonly root: string;
  /** Every program that was run, as a line. */
  readonly ran: string[];
  /** Writes a file of the fake root. */
  put(path: string, text: string): void;
  dispose(): void;
}

/** What a fake program does: gives its output, an exit code, or both. */
export type FakeProgram = (words: string[]) => string | number | Partial<Ended> | undefined;

/**
 * @param files paths and contents to begin with
 * @param programs by name; one that is missing ends with 127, as a shell has it
 */
export function fakeMachine(
  files: Record<string, string>,
  programs: Record<string, FakeProgram> = {},
  uid = 0,
): FakeMachine {
  const root = mkdtempSync(join(tmpdir(), "faasmem-machine-"));
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const [path, text] of Object.entries(files)) put(path, text);
  const ran: string[] = [];
  return {
    ...thisMachine(root),
    uid,
    root,
    ran,
    put,
    resolve: (path) => path,
    has: (program) => program in programs,
    run: async (command) => {
      ran.push(command.join(" "));
      const program = programs[command[0]!];
      if (!program) return { code: 127, out: "", err: `${command[0]}: not found` };
      const ended = program(command) ?? 0;
      if (typeof ended === "number") return { code: ended, out: "", err: "" };
      if (typeof ended === "string") return { code: 0, out: ended, err: "" };
      return { code: 0, out: "", err: "", ...ended };
    },
    dispose: () => rmSync(root, { recursive: true, force: true }),
  };
}
