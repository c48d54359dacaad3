import { expect, test } from "bun:test";
import { createCipheriv } from "node:crypto";
import { ctr } from "@noble/ciphers/aes.js";
import { handler } from "./handler.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

test("AES-128-CTR is NIST's (SP 800-38A, F.5.1)", () => {
  const key = hex("2b7e151628aed2a6abf7158809cf4f3c");
  const counter = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
  const plain = hex(
    "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51 30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710",
  );
  const secret = hex(
    "874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff 5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee",
  );
  expect(ctr(key, counter).encrypt(plain)).toEqual(secret);
  expect(ctr(key, counter).decrypt(secret)).toEqual(plain);
});

test("a long message is encrypted as OpenSSL does it", () => {
  const [key, counter] = [hex("000102030405060708090a0b0c0d0e0f"), hex("ffffffffffffffffffffffffffffff00")];
  const plain = Uint8Array.from({ length: 9999 }, (_, i) => (i * 7) & 255);
  const openssl = createCipheriv("aes-128-ctr", key, counter);
  expect(Buffer.from(ctr(key, counter).encrypt(plain))).toEqual(openssl.update(plain));
});

test("a request gets its message back", () => {
  const answer = handler({ length_of_message: 10_000, num_of_iterations: 2, seed: 5 });
  expect(answer).toMatchObject({ bytes: 10_000, equal: true });
  expect(handler({ length_of_message: 10_000, seed: 5 }).digest).toBe(answer.digest);
});
