import { z } from "zod";
import { FaasmemError } from "./errors.ts";

const factors: Record<string, number> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Of the pages that everything here is counted in: what the engine insists on (ffi/faasmem.h). */
export const PAGE_BYTES = 4096;

/**
 * Bytes of a size such as `512MiB`, `4G` or `1048576`. Units are powers of 1024.
 * @throws FaasmemError BAD_SIZE
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim());
  const bytes = match ? Number(match[1]) * factors[match[2]!.toUpperCase()]! : Number.NaN;
  if (Number.isSafeInteger(Math.round(bytes)) && bytes > 0) return Math.round(bytes);
  throw new FaasmemError("BAD_SIZE", `"${text}" is not a size`, {
    fix: "write a number with a unit, for example 512MiB or 4GiB",
    kind: "usage",
  });
}

/** MiB with one decimal, as tables show memory. */
export const formatMiB = (bytes: number): string => (bytes / 1024 ** 2).toFixed(1);

/**
 * Checks a value of the command line.
 * @param name the option as the user wrote it
 * @throws FaasmemError BAD_OPTION
 */
export function parseOption<T>(name: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new FaasmemError(
    "BAD_OPTION",
    `${name}: ${z.prettifyError(parsed.error).replaceAll("\n", " ").replace(/^✖ /, "")}`,
    {
      fix: `see --help for what ${name} may be`,
      kind: "usage",
    },
  );
}

/** A share, as `10%` or `0.1`. */
export const share = z
  .string()
  .regex(/^\d+(\.\d+)?%?$/, "expected a share, for example 10%")
  .transform((text) => (text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text)));

export const port = z.coerce.number().int().min(0).max(65535);
export const positive = z.coerce.number().positive().max(1e9);
export const count = z.coerce.number().int().min(1).max(1_000_000);

/** Numbers of runs, by commas. */
export const runNumbers = z
  .string()
  .transform((text) => text.split(",").map(Number))
  .pipe(z.array(z.number().int().min(1, "expected numbers of runs, for example 3,7")).min(1));
