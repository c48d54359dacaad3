import { z } from "zod";
import { benchmarks } from "../../benchmarks/index.ts";
import type { Plane, Tracker } from "../memory/engine.ts";
import { isPolicyFile, policyOf, systemNames } from "../memory/systems.ts";
import { unknownFunction } from "../worker/function-spec.ts";

/** What `faasmem up` runs with. Times are trace seconds. */
export interface NodeOptions {
  system: string;
  plane: Plane;
  functions: string[];
  timeScale: number;
  host: string;
  port: number;
  /** Running memory server, or undefined to start one. */
  server: { host: string; port: number } | undefined;
  poolBytes: number;
  keepAliveS: number;
  /** null: learned. */
  semiWarmDelayS: number | null;
  /** Hotness tracker; "auto": the best that this machine has. */
  tracker: Tracker | "auto";
  /** Init window of every function; undefined: each function's own. */
  initWindow: number | undefined;
  /** Allowed growth of the P95, 0.1 = 10 %. */
  p95Budget: number;
  /** What semi-warm may send in a second, over all sandboxes; undefined: no limit. */
  offloadBytesPerS: number | undefined;
  /** Sandboxes of one function at a time. */
  maxSandboxes: number;
  /** Start with what was learned of the functions before, and keep what is. */
  learned: boolean;
}

/** Names of hotness trackers. */
export const trackerName = z.enum(["auto", "ebpf", "idle", "mglru", "refault"]);

/** Names of planes. */
export const planeName = z.enum(["uffd", "swap"]);

/** HOST:PORT of a memory server. */
export const serverAddress = z
  .string()
  .regex(/^.+:\d+$/, "expected HOST:PORT")
  .transform((text) => {
    const at = text.lastIndexOf(":");
    return { host: text.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(text.slice(at + 1)) };
  });

/**
 * Splits a comma-separated list and checks every name.
 * @throws FaasmemError UNKNOWN_FUNCTION
 */
export function parseFunctions(list: string | undefined): string[] {
  const known = Object.keys(benchmarks);
  const names = list === undefined ? known : [...new Set(list.split(",").map((name) => name.trim()))];
  for (const name of names) if (!known.includes(name)) throw unknownFunction(name, known);
  return names;
}

/**
 * As parseFunctions, for systems.
 * @throws FaasmemError UNKNOWN_SYSTEM
 */
export function parseSystems(list: string): string[] {
  const names = [...new Set(list.split(",").map((name) => name.trim()))];
  for (const name of names) if (!isPolicyFile(name)) policyOf(name);
  return names;
}

export { systemNames };
