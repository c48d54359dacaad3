import type { ReadableStreamDefaultReader } from "node:stream/web";
import { z } from "zod";
import { type TrialName, type TrialResult, trialNames } from "../../ffi/trial.ts";
import { selfCommand } from "../base/self.ts";
import { bounded, FACT_TIMEOUT_MS } from "./facts.ts";

const answer = z.object({ name: z.enum(trialNames), errno: z.number(), value: z.number() });

/**
 * Tries everything in a child process, one after the other: a seccomp filter may kill who makes a call, and a call
 * may hang. What a child did not survive is null, and another child goes on with the rest.
 */
export async function runTrials(
  command: (names: TrialName[]) => string[] = (names) => selfCommand(["doctor", "--trial", ...names]),
  timeoutMs = FACT_TIMEOUT_MS,
): Promise<Map<TrialName, TrialResult | null>> {
  const results = new Map<TrialName, TrialResult | null>();
  for (;;) {
    const rest = trialNames.filter((name) => !results.has(name));
    if (rest.length === 0) return results;
    const child = Bun.spawn(command(rest), { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
    const lines = linesOf(child.stdout.getReader() as ReadableStreamDefaultReader<Uint8Array>);
    // It has to start first: seconds on a busy machine.
    for (let timeout = 2 * timeoutMs; ; timeout = timeoutMs) {
      const next = await bounded(lines.next(), null, timeout).catch(() => null);
      if (next === null || next.done) break;
      const { name, ...result } = answer.parse(JSON.parse(next.value));
      results.set(name, result);
    }
    child.kill("SIGKILL");
    const failed = rest.find((name) => !results.has(name));
    if (failed) results.set(failed, null);
  }
}

async function* linesOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const lines = text.split("\n");
    text = lines.pop()!;
    yield* lines;
  }
}
