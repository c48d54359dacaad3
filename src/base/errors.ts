/** What a failure means for the exit code: a mistake of the caller (2), a failure of the work (1), the user stopped it (130). */
export type ErrorKind = "usage" | "failure" | "stopped";

/**
 * The one error class of faasmem.
 *
 * @property code stable identifier in SCREAMING_SNAKE_CASE; scripts may match on it
 * @property fix  one sentence that a person can act on
 * @property kind `usage` ends the CLI with exit code 2, `failure` with 1, `stopped` with 130
 *
 * @example
 * throw new FaasmemError("UNKNOWN_FUNCTION", `no function "${name}"`, {
 *   fix: "see: faasmem function list", kind: "usage",
 * });
 */
export class FaasmemError extends Error {
  readonly code: string;
  readonly fix: string;
  readonly kind: ErrorKind;

  constructor(code: string, message: string, options: { fix: string; kind?: ErrorKind; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "FaasmemError";
    this.code = code;
    this.fix = options.fix;
    this.kind = options.kind ?? "failure";
  }
}

/** Turns anything thrown into a FaasmemError, keeping one that already is; system errors get a fix of their own. */
export function toFaasmemError(thrown: unknown): FaasmemError {
  if (thrown instanceof FaasmemError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC") {
    return new FaasmemError("DISK_FULL", `the disk is full: ${error.message}`, {
      fix: "free some space, or set FAASMEM_HOME to a folder on another disk",
      cause: error,
    });
  }
  if (code === "EACCES" || code === "EPERM") {
    return new FaasmemError("PERMISSION", error.message, {
      fix: "run as root, or choose a folder you may write to",
      cause: error,
    });
  }
  return new FaasmemError("INTERNAL", error.message, {
    fix: "this is a defect in faasmem: report it with the command and FAASMEM_DEBUG=1 output",
    cause: error,
  });
}
