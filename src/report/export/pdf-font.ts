import type { Font } from "../font/font.ts";
import { subsetFont } from "../font/subset.ts";
import { hex4, type PdfObjects } from "./pdf.ts";

/** Nonsymbolic (ISO 32000-1, table 123). */
const FLAGS = 32;

/**
 * Adds a font whose codes are glyph numbers, with the outlines of the glyphs that are used and a map back to characters, so
 * that readers find and copy text.
 *
 * @param name PostScript name
 * @param used glyphs and the character each stands for
 * @returns the object's number
 */
export function embedFont(
  file: PdfObjects,
  font: Font,
  name: string,
  used: ReadonlyMap<number, string>,
): number {
  const glyphs = [...used.keys()].sort((a, b) => a - b);
  const scaled = (value: number) => Math.round((value * 1000) / font.unitsPerEm);
  const base = `${tag(glyphs)}+${name}`;
  const data = subsetFont(font, glyphs);
  const program = file.stream({ Length1: data.length }, data);
  const descriptor = file.add(
    `<< /Type /FontDescriptor /FontName /${base} /Flags ${FLAGS} /FontBBox [${font.box.map(scaled).join(" ")}] /ItalicAngle 0 ` +
      `/Ascent ${scaled(font.ascent)} /Descent ${scaled(font.descent)} /CapHeight ${scaled(font.capHeight)} /StemV 80 /FontFile2 ${program} 0 R >>`,
  );
  const widths = glyphs.map((glyph) => `${glyph} [${scaled(font.advance(glyph))}]`).join(" ");
  const descendant = file.add(
    `<< /Type /Font /Subtype /CIDFontType2 /BaseFont /${base} /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> ` +
      `/FontDescriptor ${descriptor} 0 R /CIDToGIDMap /Identity /DW 0 /W [${widths}] >>`,
  );
  const unicode = file.stream({}, Buffer.from(toUnicode(glyphs, used)));
  return file.add(
    `<< /Type /Font /Subtype /Type0 /BaseFont /${base} /Encoding /Identity-H /DescendantFonts [${descendant} 0 R] /ToUnicode ${unicode} 0 R >>`,
  );
}

/** Six capitals that name a subset; equal subsets have equal ones. */
function tag(glyphs: number[]): string {
  const hash = new Bun.CryptoHasher("md5").update(glyphs.join(",")).digest();
  return [...hash.slice(0, 6)].map((byte) => String.fromCharCode(65 + (byte % 26))).join("");
}

function toUnicode(glyphs: number[], used: ReadonlyMap<number, string>): string {
  const rows = glyphs.map((glyph) => {
    const character = used.get(glyph)!;
    const units = [...Array(character.length).keys()].map((i) => hex4(character.charCodeAt(i)));
    return `<${hex4(glyph)}> <${units.join("")}>`;
  });
  const blocks: string[] = [];
  for (let i = 0; i < rows.length; i += 100) {
    const block = rows.slice(i, i + 100);
    blocks.push(`${block.length} beginbfchar\n${block.join("\n")}\nendbfchar`);
  }
  return [
    "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
    "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
    "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange",
    ...blocks,
    "endcmap CMapName currentdict /CMap defineresource pop end end",
  ].join("\n");
}
