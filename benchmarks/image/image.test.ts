import { expect, test } from "bun:test";
import { decode, encode } from "jpeg-js";
import { handler } from "./handler.ts";
import { makeGrey, paint } from "./picture.ts";

test("grey is the luma of the colour", () => {
  const data = Uint8Array.of(255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 10, 20, 30, 255);
  expect([...makeGrey({ width: 4, height: 1, data }).data.filter((_, i) => i % 4 === 0)]).toEqual([
    76, 150, 29, 18,
  ]);
});

test("the codec gives back what it was given, nearly", () => {
  const picture = paint(64, 48, 5);
  const back = decode(encode(picture, 95).data, { useTArray: true });
  expect([back.width, back.height]).toEqual([64, 48]);
  let error = 0;
  for (let i = 0; i < picture.data.length; i++) error += Math.abs(picture.data[i]! - back.data[i]!);
  expect(error / picture.data.length).toBeLessThan(5);
});

test("the function's answer is a grey JPEG of 3 megapixels, the same each time", () => {
  const { width, height, bytes, digest } = handler();
  expect([width, height]).toEqual([2048, 1536]);
  expect(bytes).toBeGreaterThan(100_000);
  expect(handler().digest).toBe(digest);
}, 60_000);
