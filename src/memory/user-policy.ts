import { resolve } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import type { PolicyFactory } from "./policy.ts";

/**
 * Loads a policy from a TypeScript or JavaScript file: its default export is a `PolicyFactory`. The file runs with
 * the rights of the worker.
 * @throws FaasmemError BAD_POLICY
 */
export async function loadPolicy(file: string): Promise<PolicyFactory> {
  let module: { default?: unknown };
  try {
    module = await import(resolve(file));
  } catch (cause) {
    throw badPolicy(file, String((cause as Error).message ?? cause).split("\n")[0]!, cause);
  }
  if (typeof module.default !== "function") throw badPolicy(file, "it has no function as default export");
  return module.default as PolicyFactory;
}

function badPolicy(file: string, why: string, cause?: unknown): FaasmemError {
  return new FaasmemError("BAD_POLICY", `${file} is not a policy: ${why}`, {
    fix: "export default (context) => ({ ... }), as in docs/concepts/policies.md",
    kind: "usage",
    cause,
  });
}
