import type { TrialName, TrialResult } from "../../ffi/trial.ts";

/** A setting of the running kernel's configuration: built in, module, off; null when nobody tells. */
export type ConfigValue = "y" | "m" | "n" | null;
/** A kernel module (or its built-in twin) by name. */
export type ModuleState = "loaded" | "loadable" | "absent";

/**
 * All that the probes see of a machine. The live one is `liveFacts`; tests replay what it recorded. Nothing here
 * changes anything, and every answer comes within FACT_TIMEOUT_MS, or NoAnswer is thrown.
 */
export interface Facts {
  /** Text of a file, at most its first 256 KiB; null: absent or not permitted. */
  read(path: string): Promise<string | null>;
  /** Names in a folder; null: absent or not permitted. */
  list(path: string): Promise<string[] | null>;
  /** May this user write there (access(2))? False when it is absent, too. */
  writable(path: string): Promise<boolean>;
  /** What trying it gave; null: no answer, or the attempt was killed. */
  trial(name: TrialName): Promise<TrialResult | null>;
  /** Is there such a program in the usual folders? */
  program(name: string): Promise<boolean>;
  config(name: string): Promise<ConfigValue>;
  module(name: string): Promise<ModuleState>;
}

/** No answer within this time counts as none: kernel files may block on firmware, a trial in a sandbox. */
export const FACT_TIMEOUT_MS = 10_000;

/** Something did not answer in time: neither there nor absent. */
export class NoAnswer extends Error {}

/**
 * `promise`, or `otherwise` when it fails.
 * @throws NoAnswer when it takes longer than `ms`
 */
export async function bounded<T>(promise: Promise<T>, otherwise: T, ms = FACT_TIMEOUT_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    // In two halves: when this process itself was held up, answers that wait to be read come before the second.
    timer = setTimeout(() => {
      timer = setTimeout(() => reject(new NoAnswer()), ms / 2);
    }, ms / 2);
  });
  try {
    return await Promise.race([promise.catch(() => otherwise), late]);
  } finally {
    clearTimeout(timer);
  }
}
