import { circlePath, plainPath } from "./path-data.ts";
import { type Item, path, rect, short, type Text, text } from "./scene.ts";
import { INK, TEXT_SIZE } from "./style.ts";

/** As much of an element as this needs (linkedom's). */
export interface Element {
  tagName: string;
  children: Iterable<Element>;
  textContent: string;
  getAttribute(name: string): string | null;
}

/** Attributes that children inherit, and where they are. */
interface Context {
  x: number;
  y: number;
  angle: number;
  attributes: Record<string, string>;
}

const INHERITED = [
  ...["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "fill-opacity", "opacity"],
  ...["font-size", "font-weight", "text-anchor"],
];
const SKIPPED = new Set(["style", "title", "desc", "defs", "clipPath"]);

/** The items of an SVG that Plot drew, in absolute coordinates; styles and groups are gone. */
export function flatten(svg: Element): Item[] {
  const items: Item[] = [];
  const outer = {
    x: 0,
    y: 0,
    angle: 0,
    attributes: { "font-size": String(TEXT_SIZE), "text-anchor": "middle", fill: INK },
  };
  for (const child of svg.children) walk(child, outer, items);
  return items;
}

function walk(element: Element, outer: Context, items: Item[]): void {
  const tag = element.tagName.toLowerCase();
  if (SKIPPED.has(element.tagName)) return;
  const attributes = { ...outer.attributes };
  for (const name of INHERITED) {
    const value = element.getAttribute(name);
    if (value === null) continue;
    if (name === "opacity") attributes.opacity = String(Number(attributes.opacity ?? 1) * Number(value));
    else attributes[name] = value === "currentColor" ? INK : value;
  }
  const context = placed(element, { ...outer, attributes });
  if (tag === "svg" || tag === "g") for (const child of element.children) walk(child, context, items);
  else if (tag === "text") items.push(...textLines(element, context));
  else items.push(...shapeOf(tag, element, context));
}

/** Plot writes translations, and rotations of texts. */
function placed(element: Element, context: Context): Context {
  const transform = element.getAttribute("transform") ?? "";
  const shift = /translate\(([-\d.e]+)(?:[ ,]+([-\d.e]+))?\)/.exec(transform);
  const turn = /rotate\(([-\d.e]+)\)/.exec(transform);
  return {
    ...context,
    x: context.x + Number(shift?.[1] ?? 0),
    y: context.y + Number(shift?.[2] ?? 0),
    angle: context.angle + Number(turn?.[1] ?? 0),
  };
}

const paint = (value: string | undefined) => (value === undefined || value === "none" ? null : value);

function shapeOf(tag: string, element: Element, { x, y, attributes }: Context): Item[] {
  const number = (name: string) => Number(element.getAttribute(name) ?? 0);
  const opacity =
    Number(attributes.opacity ?? 1) *
    Number((paint(attributes.stroke) ? attributes["stroke-opacity"] : attributes["fill-opacity"]) ?? 1);
  const style = {
    fill: tag === "line" ? null : paint(attributes.fill),
    stroke: paint(attributes.stroke),
    strokeWidth: Number(attributes["stroke-width"] ?? 1),
    dash: (paint(attributes["stroke-dasharray"])?.match(/[\d.]+/g) ?? []).map(Number),
    opacity,
  };
  switch (tag) {
    case "rect":
      return [rect(x + number("x"), y + number("y"), number("width"), number("height"), style)];
    case "line": {
      const [x1, y1, x2, y2] = ["x1", "y1", "x2", "y2"].map((name) => short(number(name)));
      return [path(x, y, `M${x1} ${y1}L${x2} ${y2}`, style)];
    }
    case "circle":
      return [path(x, y, circlePath(number("cx"), number("cy"), number("r")), style)];
    case "path":
      return [path(x, y, plainPath(element.getAttribute("d") ?? ""), style)];
    default:
      return [];
  }
}

/** A text, or each of its lines; `em` is the text's size. */
function textLines(element: Element, { x, y, angle, attributes }: Context): Text[] {
  const size = Number.parseFloat(attributes["font-size"] ?? "7");
  const length = (value: string | null) =>
    value === null ? 0 : Number.parseFloat(value) * (value.endsWith("em") ? size : 1);
  const at = (of: Element) => ({
    x: length(of.getAttribute("x")) + length(of.getAttribute("dx")),
    y: length(of.getAttribute("y")) + length(of.getAttribute("dy")),
  });
  const lines = [...element.children].filter((child) => child.tagName.toLowerCase() === "tspan");
  const own = at(element);
  let below = 0; // a line with dy stands that far below the one before it
  const parts =
    lines.length > 0
      ? lines.map((line) => {
          const { x, y } = at(line);
          below = line.getAttribute("y") === null ? below + y : y;
          return { line, x, y: below };
        })
      : [{ line: element, x: 0, y: 0 }];
  const [cos, sin] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  return parts.flatMap((part) => {
    const content = part.line.textContent.trim();
    if (content === "") return [];
    const [dx, dy] = [own.x + part.x, own.y + part.y];
    return [
      text(x + dx * cos - dy * sin, y + dx * sin + dy * cos, content, {
        size,
        angle,
        bold: Number(attributes["font-weight"] ?? 400) >= 600 || attributes["font-weight"] === "bold",
        anchor: (attributes["text-anchor"] ?? "start") as Text["anchor"],
        fill: paint(attributes.fill),
        opacity: Number(attributes.opacity ?? 1) * Number(attributes["fill-opacity"] ?? 1),
      }),
    ];
  });
}
