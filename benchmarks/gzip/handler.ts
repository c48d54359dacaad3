import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { random } from "../../src/base/random.ts";
import { contextNumber } from "../context.ts";

const MIB = 1024 ** 2;

/** Random bytes, the same for the same seed. */
export function randomBytes(bytes: number, seed: number): Buffer {
  const next = random(seed);
  return Buffer.from(
    Uint32Array.from({ length: Math.ceil(bytes / 4) }, () => next() * 2 ** 32).buffer,
    0,
    bytes,
  );
}

/** Writes a file of random bytes and its compressed copy; both are removed again. */
export function handler(context: unknown): { bytes: number; compressedBytes: number; digest: string } {
  const bytes = contextNumber(context, "file_size", { fallback: 1, most: 256 }) * MIB;
  const seed = contextNumber(context, "seed", { fallback: 1, most: 2 ** 32 });
  const folder = mkdtempSync(join(tmpdir(), "gzip-"));
  try {
    const [plain, packed] = [join(folder, "file"), join(folder, "file.gz")];
    writeFileSync(plain, randomBytes(bytes, seed));
    writeFileSync(packed, gzipSync(readFileSync(plain)));
    const result = readFileSync(packed);
    return {
      bytes,
      compressedBytes: result.length,
      digest: createHash("sha256").update(result).digest("hex"),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
