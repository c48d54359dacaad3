import { inflateSync } from "node:zlib";

export interface Picture {
  width: number;
  height: number;
  /** Horizontal pixels a metre, of the pHYs chunk; 0 without one. */
  perMetre: number;
  /** "#rrggbb". */
  colourAt: (x: number, y: number) => string;
}

/** Reads a PNG of 8-bit RGBA, not interlaced: what resvg writes. */
export function readPng(file: Uint8Array): Picture {
  const data = Buffer.from(file);
  const parts: Buffer[] = [];
  let [width, height, perMetre] = [0, 0, 0];
  for (let at = 8; at < data.length; at += 12 + data.readUInt32BE(at)) {
    const type = data.toString("latin1", at + 4, at + 8);
    const body = data.subarray(at + 8, at + 8 + data.readUInt32BE(at));
    if (type === "IHDR") [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
    if (type === "pHYs") perMetre = body.readUInt32BE(0);
    if (type === "IDAT") parts.push(body);
  }
  const pixels = unfilter(inflateSync(Buffer.concat(parts)), width * 4, height);
  const colourAt = (x: number, y: number) =>
    `#${pixels.toString("hex", (y * width + x) * 4, (y * width + x) * 4 + 3)}`;
  return { width, height, perMetre, colourAt };
}

/** PNG specification, section 9. */
function unfilter(raw: Buffer, stride: number, rows: number): Buffer {
  const out = Buffer.alloc(stride * rows);
  for (let row = 0; row < rows; row++) {
    const filter = raw[row * (stride + 1)]!;
    for (let i = 0; i < stride; i++) {
      const at = row * stride + i;
      const left = i >= 4 ? out[at - 4]! : 0;
      const up = row > 0 ? out[at - stride]! : 0;
      const corner = i >= 4 && row > 0 ? out[at - stride - 4]! : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]!;
      out[at] = raw[row * (stride + 1) + 1 + i]! + guess;
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const [l, u, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return l <= u && l <= c ? left : u <= c ? up : corner;
}
