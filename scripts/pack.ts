import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Sources only: what a build leaves beside them stays out. */
const SOURCE = /\.(c|h|sh|patch|config|md)$|(^|\/)(Makefile|Kbuild|LICENSE)$/;

/** Packs kernel/ and fastswap/ into one file, to be embedded (src/setup/kernel-files.ts). */
export function packKernel(root: string, to: string): void {
  const paths = ["kernel/**/*", "fastswap/**/*"].flatMap((pattern) => [
    ...new Bun.Glob(pattern).scanSync(root),
  ]);
  const files = paths
    .filter((path) => SOURCE.test(path))
    .toSorted()
    .map((path) => ({
      path,
      mode: statSync(join(root, path)).mode & 0o777,
      text: readFileSync(join(root, path), "utf8"),
    }));
  writeFileSync(to, JSON.stringify(files));
}
