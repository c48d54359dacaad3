import { FaasmemError } from "../base/errors.ts";
import { baseline } from "./baseline.ts";
import { FaasmemPolicy, type FaasmemSwitches } from "./faasmem.ts";
import type { PolicyFactory } from "./policy.ts";

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
};

export const systemNames: readonly string[] = Object.keys(systems);

/** Systems that never move a page: their sandboxes run without engine and memory server. */
export const isUnmanaged = (system: string): boolean => system === "baseline";

/**
 * The policy factory of a system.
 * @throws FaasmemError UNKNOWN_SYSTEM
 */
export function policyOf(system: string): PolicyFactory {
  const factory = Object.hasOwn(systems, system) ? systems[system] : undefined;
  if (factory) return factory;
  throw new FaasmemError("UNKNOWN_SYSTEM", `no system "${system}"`, {
    fix: `choose one of: ${systemNames.join(", ")}`,
    kind: "usage",
  });
}
