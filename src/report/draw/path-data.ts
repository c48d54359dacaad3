import { short } from "./scene.ts";

const ARGUMENTS: Record<string, number> = { M: 2, L: 2, H: 1, V: 1, C: 6, Q: 4, A: 7, Z: 0 };

/** Path data as absolute M, L, C, Q and Z; arcs become cubic splines. Numbers have two decimals. */
export function plainPath(data: string): string {
  let [x, y, startX, startY] = [0, 0, 0, 0];
  let plain = "";
  const add = (command: string, ...numbers: number[]) => {
    plain += command + numbers.map(short).join(" ");
    if (numbers.length > 0) [x, y] = numbers.slice(-2) as [number, number];
  };
  for (const [, letter, rest] of data.matchAll(/([a-zA-Z])([^a-zA-Z]*(?:e-?\d+[^a-zA-Z]*)*)/g)) {
    const command = letter!.toUpperCase();
    const numbers = (rest!.match(/-?\d*\.?\d+(?:e[-+]?\d+)?/gi) ?? []).map(Number);
    const count = ARGUMENTS[command]!;
    for (let at = 0; at === 0 || at + count <= numbers.length; at += Math.max(count, 1)) {
      const given = numbers.slice(at, at + count);
      const relative = letter !== command;
      const [fromX, fromY] = relative ? [x, y] : [0, 0];
      const own = given.map((value, i) => value + (i % 2 === 0 ? fromX : fromY));
      if (command === "Z") {
        add("Z");
        [x, y] = [startX, startY];
        break;
      }
      if (command === "H") add("L", given[0]! + fromX, y);
      else if (command === "V") add("L", x, given[0]! + fromY);
      else if (command === "A") {
        const [rx, , , large, sweep] = given as [number, number, number, number, number];
        for (const spline of arc(x, y, rx, large === 1, sweep === 1, given[5]! + fromX, given[6]! + fromY))
          add("C", ...spline);
      } else add(command === "M" && at > 0 ? "L" : command, ...own);
      if (command === "M" && at === 0) [startX, startY] = [x, y];
    }
  }
  return plain;
}

/** A circle around (x, y). */
export const circlePath = (x: number, y: number, r: number): string =>
  plainPath(`M${x + r} ${y}A${r} ${r} 0 1 1 ${x - r} ${y}A${r} ${r} 0 1 1 ${x + r} ${y}Z`);

/** A circular arc as splines of at most a quarter each (SVG 2, appendix B.2.4). */
function arc(
  x1: number,
  y1: number,
  r: number,
  large: boolean,
  sweep: boolean,
  x2: number,
  y2: number,
): number[][] {
  const [dx, dy] = [(x1 - x2) / 2, (y1 - y2) / 2];
  const half = Math.hypot(dx, dy);
  if (half === 0) return [];
  const radius = Math.max(r, half);
  const away = Math.sqrt(Math.max(0, radius ** 2 / half ** 2 - 1)) * (large === sweep ? -1 : 1);
  const [cx, cy] = [(x1 + x2) / 2 + away * dy, (y1 + y2) / 2 - away * dx];
  const from = Math.atan2(y1 - cy, x1 - cx);
  let turn = Math.atan2(y2 - cy, x2 - cx) - from;
  if (sweep && turn < 0) turn += 2 * Math.PI;
  if (!sweep && turn > 0) turn -= 2 * Math.PI;
  const parts = Math.max(1, Math.ceil(Math.abs(turn) / (Math.PI / 2) - 1e-9));
  const step = turn / parts;
  const reach = (4 / 3) * Math.tan(step / 4) * radius;
  return Array.from({ length: parts }, (_, i) => {
    const [a, b] = [from + i * step, from + (i + 1) * step];
    const [ax, ay, bx, by] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
    return [
      ...[cx + radius * ax - reach * ay, cy + radius * ay + reach * ax],
      ...[cx + radius * bx + reach * by, cy + radius * by - reach * bx],
      ...[cx + radius * bx, cy + radius * by],
    ];
  });
}
