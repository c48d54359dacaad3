import { type Font, textWidth } from "../font/font.ts";

/** Breaks a text into lines that are no wider than `width`; a word that is wider is cut. */
export function wrap(font: Font, content: string, size: number, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  const fits = (words: string) => textWidth(font, words, size) <= width;
  for (let word of content.split(/\s+/).filter(Boolean)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (fits(longer)) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    while (!fits(word)) {
      let part = word.length - 1;
      while (part > 1 && !fits(word.slice(0, part))) part--;
      lines.push(word.slice(0, part));
      word = word.slice(part);
    }
    line = word;
  }
  if (line !== "") lines.push(line);
  return lines;
}

/** A text that fits, with an ellipsis where it was cut. */
export function clipped(font: Font, content: string, size: number, width: number): string {
  if (textWidth(font, content, size) <= width) return content;
  let end = content.length - 1;
  while (end > 1 && textWidth(font, `${content.slice(0, end)}…`, size) > width) end--;
  return `${content.slice(0, end)}…`;
}
