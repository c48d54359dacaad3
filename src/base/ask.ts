import { createInterface } from "node:readline/promises";
import { FaasmemError } from "./errors.ts";

/**
 * Asks the person at the terminal before something is changed. Anything but yes is no.
 *
 * @param command the command as the person may run it without being asked
 * @throws FaasmemError NEEDS_YES without a terminal, DECLINED
 */
export async function confirm(question: string, command: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new FaasmemError("NEEDS_YES", "there is no terminal to ask on, and nothing was changed", {
      fix: `look with --dry-run, then run: ${command} --yes`,
      kind: "usage",
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    terminal.close();
  }
  throw new FaasmemError("DECLINED", "nothing was changed", {
    fix: `run it again, or with --yes: ${command} --yes`,
  });
}
