import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { handler, randomBytes } from "./handler.ts";

test("the compressed file unpacks to what was written", () => {
  const { bytes, compressedBytes, digest } = handler({ file_size: 1, seed: 9 });
  expect(bytes).toBe(1024 ** 2);
  const plain = randomBytes(bytes, 9);
  const packed = gzipSync(plain);
  expect(Buffer.compare(gunzipSync(packed), plain)).toBe(0);
  expect([compressedBytes, digest]).toEqual([
    packed.length,
    createHash("sha256").update(packed).digest("hex"),
  ]);
  // Random bytes do not get smaller.
  expect(compressedBytes).toBeGreaterThan(bytes);
  expect(handler({ file_size: 0 }).bytes).toBe(0);
});
