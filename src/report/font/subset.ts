import type { Font } from "./font.ts";

/** Tables that a PDF reader needs of a TrueType font (ISO 32000-1, 9.9). */
const TABLES = ["head", "hhea", "maxp", "hmtx", "loca", "glyf", "cvt ", "fpgm", "prep"];
const MAGIC = 0xb1b0afba;
const pad = (size: number) => (size + 3) & ~3;

/**
 * A TrueType file with the outlines of some glyphs only; the numbers of the glyphs stay.
 * @param used glyphs that texts name
 */
export function subsetFont(font: Font, used: Iterable<number>): Uint8Array {
  const kept = withParts(font, used);
  const loca = new DataView(new ArrayBuffer((font.glyphCount + 1) * 4));
  const outlines: Uint8Array[] = [];
  let size = 0;
  for (let glyph = 0; glyph < font.glyphCount; glyph++) {
    loca.setUint32(glyph * 4, size);
    const data = kept.has(glyph) ? font.glyphData(glyph) : null;
    if (!data) continue;
    const bytes = new Uint8Array(pad(data.byteLength));
    bytes.set(bytesOf(data));
    outlines.push(bytes);
    size += bytes.length;
  }
  loca.setUint32(font.glyphCount * 4, size);
  const head = new DataView(bytesOf(font.tables.get("head")!).slice().buffer);
  head.setInt16(50, 1); // 32-bit offsets in loca
  head.setUint32(8, 0); // checksum of the file, set below
  const tables = TABLES.flatMap((tag): [string, Uint8Array][] => {
    if (tag === "loca") return [[tag, bytesOf(loca)]];
    if (tag === "glyf") return [[tag, Buffer.concat(outlines)]];
    if (tag === "head") return [[tag, bytesOf(head)]];
    const table = font.tables.get(tag);
    return table ? [[tag, bytesOf(table)]] : [];
  });
  return assemble(tables.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const bytesOf = (data: DataView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Composite glyphs need their parts: found by the same walk as their outline. */
function withParts(font: Font, used: Iterable<number>): Set<number> {
  const kept = new Set<number>([0]);
  const add = (glyph: number) => {
    if (kept.has(glyph)) return;
    kept.add(glyph);
    const data = font.glyphData(glyph);
    if (!data || data.getInt16(0) >= 0) return;
    for (let at = 10, flags = 32; flags & 32; ) {
      flags = data.getUint16(at);
      add(data.getUint16(at + 2));
      at += 4 + (flags & 1 ? 4 : 2) + (flags & 8 ? 2 : flags & 64 ? 4 : flags & 128 ? 8 : 0);
    }
  };
  for (const glyph of used) add(glyph);
  return kept;
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 4) {
    const word =
      ((bytes[i] ?? 0) << 24) |
      ((bytes[i + 1] ?? 0) << 16) |
      ((bytes[i + 2] ?? 0) << 8) |
      (bytes[i + 3] ?? 0);
    sum = (sum + (word >>> 0)) >>> 0;
  }
  return sum;
}

/** Tables in the order of their tags, after the directory. */
function assemble(tables: [string, Uint8Array][]): Uint8Array {
  const start = 12 + tables.length * 16;
  const file = new Uint8Array(start + tables.reduce((sum, [, bytes]) => sum + pad(bytes.length), 0));
  const data = new DataView(file.buffer);
  const power = Math.floor(Math.log2(tables.length));
  data.setUint32(0, 0x00010000);
  data.setUint16(4, tables.length);
  data.setUint16(6, 2 ** power * 16);
  data.setUint16(8, power);
  data.setUint16(10, (tables.length - 2 ** power) * 16);
  let at = start;
  let head = 0;
  tables.forEach(([tag, bytes], i) => {
    const entry = 12 + i * 16;
    for (let k = 0; k < 4; k++) file[entry + k] = tag.charCodeAt(k);
    data.setUint32(entry + 4, checksum(bytes));
    data.setUint32(entry + 8, at);
    data.setUint32(entry + 12, bytes.length);
    file.set(bytes, at);
    if (tag === "head") head = at;
    at += pad(bytes.length);
  });
  data.setUint32(head + 8, (MAGIC - checksum(file)) >>> 0);
  return file;
}
