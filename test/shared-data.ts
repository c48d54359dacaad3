import { existsSync } from "node:fs";
import { join } from "node:path";

/** Data of the public traces, beside the checkout where it is developed; never in the repository. */
const root = process.env.FAASMEM_SHARED_DATA ?? new URL("../../shared/data", import.meta.url).pathname;

/** Path of a file or folder of it. Without it, tests that need it are skipped, and it is said why. */
export function sharedData(...parts: string[]): { path: string; absent: boolean } {
  const path = join(root, ...parts);
  const absent = !existsSync(path);
  if (absent) console.warn(`${path} is not there: its tests are skipped`);
  return { path, absent };
}
