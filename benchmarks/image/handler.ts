import { createHash } from "node:crypto";
import { decode, encode } from "jpeg-js";
import { makeGrey, paint } from "./picture.ts";

const QUALITY = 85;
/** 3.1 megapixels. */
const jpeg = encode(paint(2048, 1536, 2024), QUALITY).data;

/** Decodes the picture, makes it grey, encodes it. */
export function handler(): { width: number; height: number; bytes: number; digest: string } {
  const picture = decode(jpeg, { useTArray: true });
  const { width, height, data } = encode(makeGrey(picture), QUALITY);
  return { width, height, bytes: data.length, digest: createHash("sha256").update(data).digest("hex") };
}
