import { createInterface } from "node:readline/promises";
import { FaasmemError } from "./errors.ts";

/**
 * Asks the person at the terminal before something is changed. Anything but yes is no.
 *
 * @param command the command as the person may run it without being asked
 * @throws FaasmemError NEEDS_YES without a terminal, DECLINED, STOPPED after Ctrl-C
 */
export async function confirm(question: string, command: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new FaasmemError("NEEDS_YES", "there is no terminal to ask on, and nothing was changed", {
      fix: `look with --dry-run, then run: ${command} --yes`,
      kind: "usage",
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D come as events while a line is read, and would leave the question open for ever.
  const left = Promise.withResolvers<never>();
  terminal.on("SIGINT", () => {
    left.reject(
      new FaasmemError("STOPPED", "nothing was changed", {
        fix: `to be asked again: ${command}`,
        kind: "stopped",
      }),
    );
  });
  terminal.on("close", () => left.reject(declined(command)));
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), left.promise]);
    if (!/^y(es)?$/i.test(answer.trim())) throw declined(command);
  } finally {
    terminal.close();
  }
}

const declined = (command: string) =>
  new FaasmemError("DECLINED", "nothing was changed", {
    fix: `run it again, or with --yes: ${command} --yes`,
  });
