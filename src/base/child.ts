import type { Subprocess } from "bun";
import { FaasmemError } from "./errors.ts";
import { selfCommand } from "./self.ts";

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;

/** A role of this executable that runs as a child process and told that it is ready. */
export interface ChildRole<T> {
  ready: T;
  process: Subprocess<"pipe", "pipe", "pipe">;
  /** SIGTERM, then SIGKILL after 15 s. */
  stop(): Promise<void>;
}

/**
 * Starts `faasmem ARGS...` as a child and waits for the one line of JSON that it prints when ready. The
 * child's standard input is a pipe: it ends when this process does, however that happens.
 *
 * @throws FaasmemError CHILD_START with what the child said
 */
export async function startChild<T>(args: string[], parse: (value: unknown) => T): Promise<ChildRole<T>> {
  const child = Bun.spawn(selfCommand(args), { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  const errors = new Response(child.stderr).text();
  const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
  const line = await firstLine(child.stdout);
  clearTimeout(timer);
  if (line === undefined) {
    await child.exited;
    const said = (await errors).trim();
    throw new FaasmemError(
      "CHILD_START",
      `faasmem ${args[0]} did not start: ${said.split("\n")[0] || "no output"}`,
      {
        fix: /fix: (.*)/.exec(said)?.[1] ?? `run it by hand: faasmem ${args.join(" ")}`,
      },
    );
  }
  return {
    ready: parse(JSON.parse(line)),
    process: child,
    stop: async () => {
      child.kill("SIGTERM");
      const kill = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await child.exited;
      clearTimeout(kill);
    },
  };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (value) text += decoder.decode(value, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) {
      reader.releaseLock();
      return text.slice(0, end);
    }
    if (done) return undefined;
  }
}
