import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { assets } from "../assets.ts";

const pack = z.array(z.object({ path: z.string(), mode: z.number(), text: z.string() }));

/** A file of kernel/ or fastswap/, by its path in the sources. */
export type KernelFile = z.infer<typeof pack>[number];

/** The far-memory patch, its build script, and the Fastswap modules and server: packed by scripts/build.ts. */
export async function kernelFiles(): Promise<KernelFile[]> {
  return pack.parse(JSON.parse(await Bun.file(assets.kernel).text()));
}

/** Are these files below `folder`, as they are here? */
export function isUnpacked(files: readonly KernelFile[], folder: string): boolean {
  return files.every((file) => {
    try {
      return readFileSync(join(folder, file.path), "utf8") === file.text;
    } catch {
      return false;
    }
  });
}

/** Writes the files below `folder`, for this user alone. */
export function unpack(files: readonly KernelFile[], folder: string): void {
  for (const { path, mode, text } of files) {
    const to = join(folder, path);
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    writeFileSync(to, text);
    chmodSync(to, mode & 0o100 ? 0o700 : 0o600);
  }
}
