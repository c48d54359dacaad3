import { outlineOf } from "./glyph.ts";
import { type FontTables, readWoff } from "./woff.ts";

/** A TrueType font: widths, outlines, and its tables for embedding. Lengths are in font units. */
export interface Font {
  tables: FontTables;
  unitsPerEm: number;
  ascent: number;
  descent: number;
  capHeight: number;
  /** Left, bottom, right and top of all glyphs, y upwards. */
  box: [number, number, number, number];
  glyphCount: number;
  /** Glyph of a character; 0 (a box) when the font has none. */
  glyphOf(codePoint: number): number;
  advance(glyph: number): number;
  /** SVG path data, y downwards, the base line at 0. */
  outline(glyph: number): string;
  /** Bytes of a glyph in `glyf`; null for one without an outline. */
  glyphData(glyph: number): DataView | null;
}

/** Reads a WOFF file with TrueType outlines. @throws FaasmemError BAD_FONT */
export function readFont(file: Uint8Array): Font {
  const tables = readWoff(file);
  const table = (tag: string) => tables.get(tag)!;
  const [head, hhea, hmtx, os2] = ["head", "hhea", "hmtx", "OS/2"].map(table) as [
    DataView,
    DataView,
    DataView,
    DataView,
  ];
  const glyphCount = table("maxp").getUint16(4);
  const widths = hhea.getUint16(34);
  const glyphs = charactersOf(table("cmap"));
  const loca = table("loca");
  const offset = (id: number) =>
    head.getInt16(50) === 0 ? loca.getUint16(id * 2) * 2 : loca.getUint32(id * 4);
  const glyphData = (id: number) => {
    const [from, to] = [offset(id), offset(id + 1)];
    const glyf = table("glyf");
    return to > from ? new DataView(glyf.buffer, glyf.byteOffset + from, to - from) : null;
  };
  const outlines = new Map<number, string>();
  return {
    tables,
    unitsPerEm: head.getUint16(18),
    ascent: hhea.getInt16(4),
    descent: hhea.getInt16(6),
    capHeight: os2.getInt16(88),
    box: [head.getInt16(36), head.getInt16(38), head.getInt16(40), head.getInt16(42)],
    glyphCount,
    glyphOf: (codePoint) => glyphs.get(codePoint) ?? 0,
    advance: (glyph) => hmtx.getUint16(Math.min(glyph, widths - 1) * 4),
    outline: (glyph) => {
      const known = outlines.get(glyph) ?? outlineOf(glyphData, glyph);
      outlines.set(glyph, known);
      return known;
    },
    glyphData,
  };
}

/** Glyphs by character: the format 4 subtable of `cmap` (Unicode, 16 bits), which every font of this kind has. */
function charactersOf(cmap: DataView): Map<number, number> {
  const glyphs = new Map<number, number>();
  for (let i = 0; i < cmap.getUint16(2); i++) {
    const at = cmap.getUint32(4 + i * 8 + 4);
    if (cmap.getUint16(at) !== 4) continue;
    const segments = cmap.getUint16(at + 6) / 2;
    for (let segment = 0; segment < segments; segment++) {
      const field = (block: number) => at + 14 + block * segments * 2 + segment * 2 + (block > 0 ? 2 : 0);
      const [end, start, delta] = [0, 1, 2].map((block) => cmap.getUint16(field(block))) as [
        number,
        number,
        number,
      ];
      const range = cmap.getUint16(field(3));
      for (let code = start; code <= end && code < 0xffff; code++) {
        const found = range === 0 ? code : cmap.getUint16(field(3) + range + (code - start) * 2);
        if (found !== 0) glyphs.set(code, (found + delta) & 0xffff);
      }
    }
  }
  return glyphs;
}

/** Width of a text in the unit of `size`. */
export function textWidth(font: Font, text: string, size: number): number {
  let width = 0;
  for (const character of text) width += font.advance(font.glyphOf(character.codePointAt(0)!));
  return (width * size) / font.unitsPerEm;
}
