import type { TrialName, TrialResult } from "../../ffi/trial.ts";

/** A setting of the running kernel's configuration: built in, module, off; null when nobody tells. */
export type ConfigValue = "y" | "m" | "n" | null;
/** A kernel module (or its built-in twin) by name. */
export type ModuleState = "loaded" | "loadable" | "absent";

/**
 * All that the probes see of a machine. The live one is `liveFacts`; tests replay what it recorded. Nothing here
 * changes anything, and every answer comes within `FACT_TIMEOUT_MS` (then as if it were absent).
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
  /** Is it an exported symbol of the running kernel? Null when /proc/kallsyms does not tell. */
  exported(symbol: string): Promise<boolean | null>;
}

/** No answer within this time counts as none: kernel files may block on firmware, a trial in a sandbox. */
export const FACT_TIMEOUT_MS = 5000;

/** `promise`, or `otherwise` when it fails or takes longer than FACT_TIMEOUT_MS. */
export async function bounded<T>(promise: Promise<T>, otherwise: T, ms = FACT_TIMEOUT_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), ms);
  });
  try {
    return await Promise.race([promise.catch(() => otherwise), late]);
  } finally {
    clearTimeout(timer);
  }
}
