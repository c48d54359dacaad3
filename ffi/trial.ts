import { ptr } from "bun:ffi";
import { loadLibrary } from "./load.ts";

/** By the numbers of enum fm_trial_kind (ffi/faasmem.h). */
export const trialNames = [
  "userfaultfd",
  "userfaultfd-device",
  "userfaultfd-user",
  "userfaultfd-fork",
  "pagemap-scan",
  "process-madvise",
  "ptrace",
  "bpf",
  "tracker-ebpf",
  "tracker-idle",
  "page-size",
] as const;

export type TrialName = (typeof trialNames)[number];

/** Outcome: 0 or a positive errno(3); `value` as enum fm_trial_kind says (features of userfaultfd, page size). */
export interface TrialResult {
  errno: number;
  value: number;
}

/** Tries one thing in this very process; see fm_trial of ffi/faasmem.h. @param bytes content of libfaasmem.so */
export function runTrial(bytes: Uint8Array, name: TrialName): TrialResult {
  const value = new BigUint64Array(1);
  const status = loadLibrary(bytes).fm_trial(trialNames.indexOf(name), ptr(value));
  return { errno: -status, value: Number(value[0]!) };
}
