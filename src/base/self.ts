import { resolve } from "node:path";

/** True inside the compiled executable, false when run from the sources by `bun`. */
export const isCompiled: boolean = import.meta.path.startsWith("/$bunfs/");

/** The command line that runs this very program with other arguments. */
export function selfCommand(args: string[]): string[] {
  if (isCompiled) return [process.execPath, ...args];
  return [process.execPath, resolve(import.meta.dir, "../main.ts"), ...args];
}
