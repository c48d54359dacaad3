import { CommanderError } from "commander";
import { toFaasmemError } from "./errors.ts";

/** Runs a command line and ends the process: 0 done, 1 failure, 2 usage, 130 stopped; one clear line with the fix on stderr. */
export async function runCli(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (thrown) {
    if (thrown instanceof CommanderError) process.exit(thrown.exitCode === 0 ? 0 : 2);
    const error = toFaasmemError(thrown);
    console.error(`faasmem: ${error.message} [${error.code}]\n  fix: ${error.fix}`);
    if (process.env.FAASMEM_DEBUG) console.error(error.stack, error.cause ?? "");
    process.exit({ usage: 2, failure: 1, stopped: 130 }[error.kind]);
  }
}
