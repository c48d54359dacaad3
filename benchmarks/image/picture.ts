import { random } from "../../src/base/random.ts";

/** Pixels as a JPEG codec takes them: red, green, blue, alpha; a byte each. */
export interface Picture {
  width: number;
  height: number;
  data: Uint8Array;
}

/** A landscape: sky, hills and noise, so that it has both flat and busy parts. The same for the same seed. */
export function paint(width: number, height: number, seed: number): Picture {
  const next = random(seed);
  const data = new Uint8Array(width * height * 4);
  const waves = Array.from({ length: 6 }, () => [next() * 0.02, next() * 6.28, next() * 60] as const);
  for (let x = 0; x < width; x++) {
    const hill =
      height * 0.55 + waves.reduce((sum, [rate, phase, size]) => sum + Math.sin(x * rate + phase) * size, 0);
    for (let y = 0; y < height; y++) {
      const at = (y * width + x) * 4;
      const noise = next() * 24;
      const sky = y < hill;
      data[at] = sky ? 90 + (y / height) * 120 : 60 + noise;
      data[at + 1] = sky ? 150 + (y / height) * 60 : 110 + noise;
      data[at + 2] = sky ? 230 : 40 + noise;
      data[at + 3] = 255;
    }
  }
  return { width, height, data };
}

/** Turns every pixel into its luma (ITU-R BT.601), in place. */
export function makeGrey(picture: Picture): Picture {
  const { data } = picture;
  for (let at = 0; at < data.length; at += 4) {
    const luma = Math.round(0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!);
    data[at] = data[at + 1] = data[at + 2] = luma;
  }
  return picture;
}
