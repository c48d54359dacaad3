import { expect, test } from "bun:test";
import { textWidth } from "./font.ts";
import { typeface } from "./source-sans.ts";
import { subsetFont } from "./subset.ts";
import { readWoff } from "./woff.ts";

const { regular, bold } = await typeface();
const glyphOf = (character: string) => regular.glyphOf(character.codePointAt(0)!);

test("every character of our texts has a glyph", () => {
  for (const character of "AZaz09 %±−–×…↑+")
    expect([character, glyphOf(character)]).not.toEqual([character, 0]);
  expect(glyphOf("漢")).toBe(0);
});

test("widths add up; semibold is wider", () => {
  expect(textWidth(regular, "ab", 10)).toBeCloseTo(textWidth(regular, "a", 10) + textWidth(regular, "b", 10));
  expect(textWidth(bold, "memory", 10)).toBeGreaterThan(textWidth(regular, "memory", 10));
});

test("outlines: an l stands on the base line and reaches above capitals; composite letters have their accents", () => {
  const ys = (character: string) =>
    [...regular.outline(glyphOf(character)).matchAll(/[-\d]+ ([-\d]+)/g)].map(([, y]) => Number(y));
  expect(Math.max(...ys("l"))).toBeLessThan(20);
  expect(Math.min(...ys("l"))).toBeLessThan(-regular.capHeight);
  expect(Math.min(...ys("Ä"))).toBeLessThan(Math.min(...ys("A")) - 50);
  expect(regular.outline(glyphOf(" "))).toBe("");
});

test("a subset is a font with the same glyphs at the same numbers, and much smaller", () => {
  const file = subsetFont(regular, [..."Äb"].map(glyphOf));
  const data = new DataView(file.buffer, file.byteOffset);
  const tables = new Map(
    Array.from({ length: data.getUint16(4) }, (_, i) => {
      const at = 12 + i * 16;
      return [
        String.fromCharCode(...file.subarray(at, at + 4)),
        [data.getUint32(at + 8), data.getUint32(at + 12)] as const,
      ];
    }),
  );
  const loca = tables.get("loca")![0];
  const size = (glyph: number) => data.getUint32(loca + glyph * 4 + 4) - data.getUint32(loca + glyph * 4);
  expect(size(glyphOf("b"))).toBeGreaterThan(0);
  expect(size(glyphOf("A"))).toBeGreaterThan(0); // a part of Ä
  expect(size(glyphOf("c"))).toBe(0);
  expect(file.length).toBeLessThan(10_000);
  // The checksum of the whole file is a constant (OpenType specification, `head`).
  let sum = 0;
  for (let at = 0; at < file.length; at += 4) sum = (sum + data.getUint32(at)) >>> 0;
  expect(sum).toBe(0xb1b0afba);
});

test("what is no font is refused", () => {
  expect(() => readWoff(new Uint8Array(100))).toThrow("damaged");
});
