import { FaasmemError } from "../base/errors.ts";
import { MODEL_VERSION } from "../profile/model.ts";
import type { FunctionProfile } from "../profile/profile.ts";
import type { Store } from "../results/store.ts";
import { type Costs, costsOf } from "./costs.ts";
import { type Life, livesOf } from "./life.ts";

/** A function as the simulator knows it. */
export interface SimulatedFunction {
  profile: FunctionProfile & { model: NonNullable<FunctionProfile["model"]> };
  lives: Life[];
}

/** What was measured on this machine. */
export interface SimulatorInputs {
  costs: Costs;
  /** @throws FaasmemError NO_PROFILE */
  functionOf(name: string): SimulatedFunction;
}

/**
 * Profiles and machine costs of a store.
 * @throws FaasmemError NO_BENCH
 */
export function simulatorInputs(store: Pick<Store, "loadBench" | "listProfiles">): SimulatorInputs {
  const bench = store.loadBench();
  if (!bench || bench.bench.lookUsPerPage === undefined) {
    const why = bench ? "was measured by an older version" : "was not measured yet";
    throw new FaasmemError("NO_BENCH", `this machine ${why}: the simulator needs its costs`, {
      fix: "measure it: faasmem bench",
    });
  }
  const profiles = new Map(store.listProfiles().map(({ profile }) => [profile.function, profile]));
  const known = new Map<string, SimulatedFunction>();
  const costs = costsOf(bench.bench);
  return {
    costs,
    functionOf(name) {
      const made = known.get(name) ?? simulated(name, profiles.get(name));
      known.set(name, made);
      return made;
    },
  };
}

function simulated(name: string, profile: FunctionProfile | undefined): SimulatedFunction {
  const model = profile?.model;
  if (profile && model?.version === MODEL_VERSION)
    return { profile: { ...profile, model }, lives: livesOf(model) };
  const why = profile
    ? `the profile of ${name} is of an older version: it lacks what the simulator needs`
    : `there is no profile of ${name}`;
  throw new FaasmemError("NO_PROFILE", why, { fix: `measure it: faasmem function profile ${name}` });
}
