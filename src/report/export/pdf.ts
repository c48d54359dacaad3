import { deflateSync } from "node:zlib";
import type { Item, Scene, Shape, Text } from "../draw/scene.ts";
import { short } from "../draw/scene.ts";
import { PAPER } from "../draw/style.ts";
import { type Font, textWidth } from "../font/font.ts";
import { typeface } from "../font/source-sans.ts";
import { embedFont } from "./pdf-font.ts";
import { ANCHOR } from "./svg.ts";

/** What a PDF says of itself. */
export interface PdfAbout {
  /** "faasmem VERSION". */
  creator: string;
  /** When the results were made: the file depends on nothing else. */
  createdAt: Date;
}

/** The figure as a PDF of one page of its size, texts as texts with the glyphs that are used embedded (ISO 32000-1). */
export async function pdfFile(scene: Scene, about: PdfAbout): Promise<Uint8Array> {
  const faces = await typeface();
  const used = { regular: new Map<number, string>(), bold: new Map<number, string>() };
  const alphas = new Map<number, string>();
  const lines = [`1 0 0 -1 0 ${short(scene.height)} cm`, `${colour(PAPER)} rg`];
  lines.push(`0 0 ${short(scene.width)} ${short(scene.height)} re f`);
  for (const item of scene.items) lines.push("q", ...alpha(item, alphas), ...drawn(item, faces, used), "Q");

  const file = new PdfObjects();
  const content = file.stream({}, Buffer.from(lines.join("\n")));
  const fonts = (["regular", "bold"] as const)
    .filter((face) => used[face].size > 0)
    .map((face) => `/${NAMES[face]} ${embedFont(file, faces[face], POSTSCRIPT[face], used[face])} 0 R`);
  const states = [...alphas].map(([value, name]) => `/${name} << /ca ${short(value)} /CA ${short(value)} >>`);
  const pages = file.reserve();
  const page = file.add(
    `<< /Type /Page /Parent ${pages} 0 R /MediaBox [0 0 ${short(scene.width)} ${short(scene.height)}] /Contents ${content} 0 R ` +
      `/Resources << /Font << ${fonts.join(" ")} >> /ExtGState << ${states.join(" ")} >> >> >>`,
  );
  file.set(pages, `<< /Type /Pages /Kids [${page} 0 R] /Count 1 >>`);
  const root = file.add(`<< /Type /Catalog /Pages ${pages} 0 R /Lang (en) >>`);
  const date = `D:${about.createdAt.toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;
  const info = file.add(
    `<< /Title ${utf16(scene.title)} /Subject ${utf16(scene.description)} /Creator ${utf16(about.creator)} /CreationDate (${date}) >>`,
  );
  return file.finish(root, info);
}

const NAMES = { regular: "F1", bold: "F2" } as const;
const POSTSCRIPT = { regular: "SourceSans3-Regular", bold: "SourceSans3-SemiBold" } as const;

/** Objects of a PDF file, numbered from 1. */
export class PdfObjects {
  readonly #objects: (Uint8Array | null)[] = [];

  reserve(): number {
    return this.#objects.push(null);
  }

  set(id: number, body: string | Uint8Array): void {
    this.#objects[id - 1] = typeof body === "string" ? Buffer.from(body, "latin1") : body;
  }

  add(body: string | Uint8Array): number {
    const id = this.reserve();
    this.set(id, body);
    return id;
  }

  /** Compressed. */
  stream(dictionary: Record<string, string | number>, data: Uint8Array): number {
    const packed = deflateSync(data, { level: 9 });
    const entries = Object.entries({ ...dictionary, Length: packed.length, Filter: "/FlateDecode" });
    const head = `<< ${entries.map(([key, value]) => `/${key} ${value}`).join(" ")} >>\nstream\n`;
    return this.add(Buffer.concat([Buffer.from(head), packed, Buffer.from("\nendstream")]));
  }

  /** The whole file, with its table of places. */
  finish(root: number, info: number): Uint8Array {
    const parts: Uint8Array[] = [Buffer.from("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "latin1")];
    let size = parts[0]!.length;
    const places = this.#objects.map((body, i) => {
      const place = size;
      const part = Buffer.concat([Buffer.from(`${i + 1} 0 obj\n`), body!, Buffer.from("\nendobj\n")]);
      parts.push(part);
      size += part.length;
      return place;
    });
    const rows = places.map((place) => `${String(place).padStart(10, "0")} 00000 n \n`).join("");
    const id = new Bun.CryptoHasher("md5").update(Buffer.concat(parts)).digest("hex");
    parts.push(
      Buffer.from(
        `xref\n0 ${places.length + 1}\n0000000000 65535 f \n${rows}trailer\n<< /Size ${places.length + 1} /Root ${root} 0 R /Info ${info} 0 R /ID [<${id}> <${id}>] >>\nstartxref\n${size}\n%%EOF\n`,
      ),
    );
    return Buffer.concat(parts);
  }
}

function colour(hex: string): string {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255].map((part) => short(part / 255)).join(" ");
}

const utf16 = (content: string) =>
  `<FEFF${[...Array(content.length).keys()].map((i) => hex4(content.charCodeAt(i))).join("")}>`;

export const hex4 = (value: number): string => value.toString(16).padStart(4, "0").toUpperCase();

function alpha({ opacity }: Item, alphas: Map<number, string>): string[] {
  if (opacity >= 1) return [];
  const name = alphas.get(opacity) ?? `A${alphas.size}`;
  alphas.set(opacity, name);
  return [`/${name} gs`];
}

type Faces = { regular: Font; bold: Font };
type Used = Record<"regular" | "bold", Map<number, string>>;

const drawn = (item: Item, faces: Faces, used: Used): string[] =>
  item.kind === "text" ? words(item, faces, used) : shape(item);

function shape(item: Shape): string[] {
  const paint = item.fill && item.stroke ? "B" : item.fill ? "f" : item.stroke ? "S" : "n";
  return [
    ...(item.fill ? [`${colour(item.fill)} rg`] : []),
    ...(item.stroke
      ? [`${colour(item.stroke)} RG ${short(item.strokeWidth)} w [${item.dash.map(short).join(" ")}] 0 d`]
      : []),
    `1 0 0 1 ${short(item.x)} ${short(item.y)} cm`,
    item.kind === "rect" ? `0 0 ${short(item.width)} ${short(item.height)} re` : operators(item.d),
    paint,
  ];
}

/** Path data (absolute M, L, C, Q, Z) as PDF operators. */
function operators(d: string): string {
  let [x, y] = [0, 0];
  return [...d.matchAll(/([MLCQZ])([^MLCQZ]*)/g)]
    .map(([, command, rest]) => {
      const numbers = rest!
        .trim()
        .split(/[\s,]+/)
        .filter(Boolean)
        .map(Number);
      const operator = { M: "m", L: "l", C: "c", Q: "c", Z: "h" }[command!]!;
      const given = command === "Q" ? cubic(x, y, numbers) : numbers;
      if (numbers.length > 0) [x, y] = numbers.slice(-2) as [number, number];
      return [...given.map(short), operator].join(" ");
    })
    .join("\n");
}

function cubic(x: number, y: number, [cx, cy, toX, toY]: number[]): number[] {
  const third = (from: number, control: number) => from + (2 / 3) * (control - from);
  return [third(x, cx!), third(y, cy!), third(toX!, cx!), third(toY!, cy!), toX!, toY!];
}

function words(item: Text, faces: Faces, used: Used): string[] {
  const face = item.bold ? "bold" : "regular";
  const font = faces[face];
  const codes = [...item.text].map((character) => {
    const glyph = font.glyphOf(character.codePointAt(0)!);
    if (!used[face].has(glyph)) used[face].set(glyph, character);
    return hex4(glyph);
  });
  const back = ANCHOR[item.anchor] * textWidth(font, item.text, item.size);
  const turn = (item.angle * Math.PI) / 180;
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  // The page was turned upside down, so letters are turned back.
  const matrix = [cos, sin, sin, -cos, item.x - back * cos, item.y - back * sin].map((value) =>
    String(Math.round(value * 1e4) / 1e4 + 0),
  );
  return [
    `BT ${colour(item.fill ?? PAPER)} rg /${NAMES[face]} ${short(item.size)} Tf ${matrix.join(" ")} Tm <${codes.join("")}> Tj ET`,
  ];
}
