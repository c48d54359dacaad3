import type { Facts } from "./facts.ts";

/**
 * `yes`: usable now. `off`: there, and has to be switched on or set up. `denied`: there, but not for this user or
 * container. `no`: this kernel or machine does not have it. `unknown`: it did not tell in time.
 */
export type State = "yes" | "off" | "denied" | "no" | "unknown";

/** One line of the report. */
export interface Capability {
  /** Stable; scripts may match on it. */
  id: string;
  state: State;
  /** What was found, in a few words. */
  detail: string;
  /** What faasmem does with it. */
  enables: string;
  /** How to get it; null when there is nothing to do. */
  fix: string | null;
}

/** A probe: looks, never changes anything. */
export interface Probe {
  id: string;
  enables: string;
  look(facts: Facts): Promise<Finding>;
}

/** What a probe found. */
export type Finding = Pick<Capability, "state" | "detail"> & { fix?: string | undefined };

export const yes = (detail: string, fix?: string): Finding => ({ state: "yes", detail, fix });
export const off = (detail: string, fix: string): Finding => ({ state: "off", detail, fix });
export const denied = (detail: string, fix: string): Finding => ({ state: "denied", detail, fix });
export const no = (detail: string, fix?: string): Finding => ({ state: "no", detail, fix });
export const unknown = (detail: string): Finding => ({
  state: "unknown",
  detail,
  fix: "run it again; if it stays so, report it with the file of --record",
});
