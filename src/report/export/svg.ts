import { type Item, type Scene, short, type Text } from "../draw/scene.ts";
import { PAPER } from "../draw/style.ts";
import type { Font } from "../font/font.ts";
import { FONT_FAMILY, typeface } from "../font/source-sans.ts";

export const escapeXml = (content: string): string =>
  content.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/**
 * The figure as a file that looks the same in every viewer: texts are outlines, each glyph once; what they say stands beside them
 * for readers that speak (aria-label).
 */
export async function svgFile(scene: Scene): Promise<string> {
  const { regular, bold } = await typeface();
  const glyphs = new Map<string, string>();
  const body = scene.items.map((item) =>
    item.kind === "text" ? outlined(item, item.bold ? bold : regular, glyphs) : shape(item),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${size(scene)} role="img">`,
    ...about(scene),
    `<defs>${[...glyphs.values()].join("")}</defs>`,
    `<rect width="${short(scene.width)}" height="${short(scene.height)}" fill="${PAPER}"/>`,
    ...body,
    "</svg>\n",
  ].join("\n");
}

/** The figure as a part of a page that has the typeface: texts stay texts, and the page's colours show through. */
export function svgInline(scene: Scene): string {
  const body = scene.items.map((item) => (item.kind === "text" ? words(item) : shape(item)));
  const view = `viewBox="0 0 ${short(scene.width)} ${short(scene.height)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${view} role="img" font-family="'${FONT_FAMILY}', sans-serif">\n${[...about(scene), ...body].join("\n")}\n</svg>`;
}

const size = ({ width, height }: Scene) =>
  `width="${short(width)}pt" height="${short(height)}pt" viewBox="0 0 ${short(width)} ${short(height)}"`;

const about = ({ title, description }: Scene) => [
  `<title>${escapeXml(title)}</title>`,
  `<desc>${escapeXml(description)}</desc>`,
];

function shape(item: Exclude<Item, Text>): string {
  const { x, y, fill, stroke, opacity } = item;
  const style = [
    `fill="${fill ?? "none"}"`,
    ...(stroke ? [`stroke="${stroke}" stroke-width="${short(item.strokeWidth)}"`] : []),
    ...(item.dash.length > 0 ? [`stroke-dasharray="${item.dash.map(short).join(" ")}"`] : []),
    ...(opacity < 1 ? [`opacity="${short(opacity)}"`] : []),
  ].join(" ");
  if (item.kind === "rect") {
    return `<rect x="${short(x)}" y="${short(y)}" width="${short(item.width)}" height="${short(item.height)}" ${style}/>`;
  }
  const place = x === 0 && y === 0 ? "" : ` transform="translate(${short(x)} ${short(y)})"`;
  return `<path d="${item.d}"${place} ${style}/>`;
}

function words({ x, y, text, size, bold, anchor, angle, fill, opacity }: Text): string {
  const turn = angle === 0 ? "" : ` transform="rotate(${short(angle)} ${short(x)} ${short(y)})"`;
  const attributes = [
    `x="${short(x)}" y="${short(y)}" font-size="${short(size)}" fill="${fill ?? "none"}"`,
    ...(bold ? ['font-weight="600"'] : []),
    ...(anchor === "start" ? [] : [`text-anchor="${anchor}"`]),
    ...(opacity < 1 ? [`opacity="${short(opacity)}"`] : []),
  ];
  return `<text ${attributes.join(" ")}${turn}>${escapeXml(text)}</text>`;
}

/** How far a text's start is from its anchor, in shares of its width. */
export const ANCHOR = { start: 0, middle: 0.5, end: 1 } as const;

function outlined(item: Text, font: Font, glyphs: Map<string, string>): string {
  let at = 0;
  const letter = item.bold ? "b" : "r";
  const uses: string[] = [];
  for (const character of item.text) {
    const glyph = font.glyphOf(character.codePointAt(0)!);
    const d = font.outline(glyph);
    if (d !== "") {
      glyphs.set(`${letter}${glyph}`, `<path id="${letter}${glyph}" d="${d}"/>`);
      uses.push(`<use xlink:href="#${letter}${glyph}"${at === 0 ? "" : ` x="${at}"`}/>`);
    }
    at += font.advance(glyph);
  }
  const scale = item.size / font.unitsPerEm;
  const turn = item.angle === 0 ? "" : ` rotate(${short(item.angle)})`;
  const back = ANCHOR[item.anchor] * at;
  const start = back === 0 ? "" : ` translate(${Math.round(-back)} 0)`;
  const opacity = item.opacity < 1 ? ` opacity="${short(item.opacity)}"` : "";
  return `<g fill="${item.fill ?? "none"}"${opacity} transform="translate(${short(item.x)} ${short(item.y)})${turn} scale(${Math.round(scale * 1e6) / 1e6})${start}" aria-label="${escapeXml(item.text)}">${uses.join("")}</g>`;
}
