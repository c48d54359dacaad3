import { FaasmemError } from "../base/errors.ts";
import { baseline } from "./baseline.ts";
import { DamonPolicy } from "./damon.ts";
import { FaasmemPolicy, type FaasmemSwitches } from "./faasmem.ts";
import { GenerationPolicy } from "./generations.ts";
import type { PolicyFactory } from "./policy.ts";
import { TmoPolicy } from "./tmo.ts";
import { loadPolicy } from "./user-policy.ts";

const faasmem =
  (switches: Partial<FaasmemSwitches> = {}): PolicyFactory =>
  (context) =>
    new FaasmemPolicy(context, { puckets: true, semiWarm: true, recall: true, ...switches });

/** Systems that are compared, by the names that every command and output uses. */
const systems: Record<string, PolicyFactory> = {
  baseline: () => baseline,
  faasmem: faasmem(),
  "faasmem-no-pucket": faasmem({ puckets: false }),
  "faasmem-no-semiwarm": faasmem({ semiWarm: false }),
  "faasmem-no-recall": faasmem({ recall: false }),
  "faasmem-mglru": (context) => new GenerationPolicy(context),
  tmo: (context) => new TmoPolicy(context),
  damon: (context) => new DamonPolicy(context),
};

export const systemNames: readonly string[] = Object.keys(systems);

/** Systems that never move a page: their sandboxes run without engine and memory server. */
export const isUnmanaged = (system: string): boolean => system === "baseline";

/**
 * The policy factory of a system: built in, or from a file.
 * @throws FaasmemError UNKNOWN_SYSTEM, BAD_POLICY
 */
export async function resolvePolicy(system: string): Promise<PolicyFactory> {
  return isPolicyFile(system) ? loadPolicy(system) : policyOf(system);
}

/** A system may also be a file with a policy of the user's own. */
export const isPolicyFile = (system: string): boolean => /[/\\]|\.[cm]?[jt]s$/.test(system);

/**
 * The policy factory of a built-in system.
 * @throws FaasmemError UNKNOWN_SYSTEM
 */
export function policyOf(system: string): PolicyFactory {
  const factory = Object.hasOwn(systems, system) ? systems[system] : undefined;
  if (factory) return factory;
  throw new FaasmemError("UNKNOWN_SYSTEM", `no system "${system}"`, {
    fix: `choose one of: ${systemNames.join(", ")}, or give the file of a policy`,
    kind: "usage",
  });
}
