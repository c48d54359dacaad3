import { createHash } from "node:crypto";
import { ctr } from "@noble/ciphers/aes.js";
import { random } from "../../src/base/random.ts";
import { contextNumber } from "../context.ts";

/** Encrypts and decrypts a random message; the digest is that of the last ciphertext. */
export function handler(context: unknown): { bytes: number; equal: boolean; digest: string } {
  const length = contextNumber(context, "length_of_message", { fallback: 10_000, most: 10_000_000 });
  const rounds = contextNumber(context, "num_of_iterations", { fallback: 1, most: 1000 });
  const next = random(contextNumber(context, "seed", { fallback: 1, most: 2 ** 32 }));
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256));
  const [key, nonce, message] = [bytes(16), bytes(16), bytes(length)];
  let secret: Uint8Array = message;
  let equal = true;
  for (let round = 0; round < rounds; round++) {
    secret = ctr(key, nonce).encrypt(message);
    equal &&= Buffer.compare(ctr(key, nonce).decrypt(secret), message) === 0;
  }
  return { bytes: length, equal, digest: createHash("sha256").update(secret).digest("hex") };
}
