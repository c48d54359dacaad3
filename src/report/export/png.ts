import { crc32 } from "node:zlib";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import wasmPath from "@resvg/resvg-wasm/index_bg.wasm" with { type: "file" };
import type { Scene } from "../draw/scene.ts";
import { svgFile } from "./svg.ts";

/** Pixels an inch, as printers want it. */
export const DPI = 300;
const POINTS_PER_INCH = 72;
const METRES_PER_INCH = 0.0254;
/** Signature and header chunk: what comes before. */
const HEAD = 8 + 25;

let ready: Promise<void> | undefined;

/** The figure as a picture that knows its size: word processors place it as wide as it is in print. */
export async function pngFile(scene: Scene, dpi = DPI): Promise<Uint8Array> {
  ready ??= initWasm(Bun.file(wasmPath).arrayBuffer());
  const [svg] = await Promise.all([svgFile(scene), ready]);
  const width = Math.round((scene.width * dpi) / POINTS_PER_INCH);
  const picture = new Resvg(svg, {
    fitTo: { mode: "width", value: width },
    font: { loadSystemFonts: false },
  });
  const png = picture.render().asPng();
  picture.free();
  return Buffer.concat([png.subarray(0, HEAD), resolution(dpi), png.subarray(HEAD)]);
}

/** The chunk that says how many pixels there are to a metre (PNG specification, 11.3.4.3). */
function resolution(dpi: number): Uint8Array {
  const perMetre = Math.round(dpi / METRES_PER_INCH);
  const chunk = Buffer.alloc(21);
  chunk.writeUInt32BE(9, 0);
  chunk.write("pHYs", 4, "latin1");
  chunk.writeUInt32BE(perMetre, 8);
  chunk.writeUInt32BE(perMetre, 12);
  chunk.writeUInt8(1, 16);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 17)), 17);
  return chunk;
}
