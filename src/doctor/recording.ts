import { readFileSync } from "node:fs";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import type { Facts } from "./facts.ts";

const recording = z.object({
  faasmemFacts: z.literal(1),
  /** Answers by question, for example "read /proc/meminfo". */
  facts: z.record(z.string(), z.unknown()),
});

/** What the probes asked a machine, and what it answered. */
export type Recording = z.infer<typeof recording>;

const methods = [
  "read",
  "list",
  "writable",
  "trial",
  "program",
  "config",
  "module",
  "exported",
] as const satisfies (keyof Facts)[];

/** Facts from a function of question and argument. */
function factsOf(answer: (method: keyof Facts, argument: string) => Promise<unknown>): Facts {
  const entries = methods.map((method) => [method, (argument: string) => answer(method, argument)]);
  return Object.fromEntries(entries) as Facts;
}

/** The same facts; every answer is also written to the recording. */
export function recordFacts(facts: Facts): { facts: Facts; recording: Recording } {
  const kept: Recording = { faasmemFacts: 1, facts: {} };
  return {
    recording: kept,
    facts: factsOf(async (method, argument) => {
      const value = await (facts[method] as (argument: string) => Promise<unknown>)(argument);
      kept.facts[`${method} ${argument}`] = value;
      return value;
    }),
  };
}

/** A recorded machine. What was not asked then is absent (false, null, "absent"). */
export function replayFacts({ facts }: Recording): Facts {
  return factsOf(async (method, argument) => {
    const value = facts[`${method} ${argument}`];
    if (value !== undefined) return value;
    if (method === "module") return "absent";
    return method === "writable" || method === "program" ? false : null;
  });
}

/**
 * Reads what `faasmem doctor --record` wrote.
 * @throws FaasmemError NO_SUCH_FILE, BAD_RECORDING
 */
export function loadRecording(path: string): Recording {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new FaasmemError("NO_SUCH_FILE", `cannot read ${path}`, {
      fix: "give a file that faasmem doctor --record wrote",
      kind: "usage",
      cause,
    });
  }
  try {
    return recording.parse(JSON.parse(text));
  } catch (cause) {
    throw new FaasmemError("BAD_RECORDING", `${path} is no recording of faasmem doctor`, {
      fix: "give a file that faasmem doctor --record wrote",
      kind: "usage",
      cause,
    });
  }
}
