import { FaasmemError } from "../base/errors.ts";

/** A function that a worker can run. */
export interface FunctionSpec {
  name: string;
  /** Absolute path of its bundled module. */
  modulePath: string;
  /** Memory quota in MiB, as users declare it. */
  quotaMiB: number;
  /** Requests of the Init Pucket's window (src/memory/settings.ts, fallbackWindow). */
  initWindow: number;
  /** What its sandboxes find in their environment; asked for before each start, may take long the first time. */
  environment?: () => Promise<Record<string, string>>;
}

/** The error for a name that no function has. */
export function unknownFunction(name: string, known: Iterable<string>): FaasmemError {
  return new FaasmemError("UNKNOWN_FUNCTION", `no function "${name}"`, {
    fix: `choose one of: ${[...known].join(", ")}`,
    kind: "usage",
  });
}
