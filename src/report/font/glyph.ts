/** A glyph's outline as SVG path data in font units, y downwards; composite glyphs are put together. */
export function outlineOf(glyf: (id: number) => DataView | null, id: number): string {
  return contoursOf(glyf, id)
    .map((contour) => pathOf(contour))
    .join("");
}

interface Point {
  x: number;
  y: number;
  onCurve: boolean;
}

// Flags of a simple glyph's points and of a composite glyph's parts (OpenType specification, `glyf`).
const [ON_CURVE, X_SHORT, Y_SHORT, REPEAT, X_SAME, Y_SAME] = [1, 2, 4, 8, 16, 32] as const;
const [WORDS, XY, SCALE, MORE, SCALE_XY, SCALE_2X2] = [1, 2, 8, 32, 64, 128] as const;

function contoursOf(glyf: (id: number) => DataView | null, id: number): Point[][] {
  const data = glyf(id);
  if (!data) return [];
  const count = data.getInt16(0);
  return count >= 0 ? simple(data, count) : composite(glyf, data);
}

function simple(data: DataView, count: number): Point[][] {
  let at = 10;
  const ends = Array.from({ length: count }, () => {
    const end = data.getUint16(at);
    at += 2;
    return end;
  });
  at += 2 + data.getUint16(at); // instructions
  const points = (ends.at(-1) ?? -1) + 1;
  const flags: number[] = [];
  while (flags.length < points) {
    const flag = data.getUint8(at++);
    const times = flag & REPEAT ? data.getUint8(at++) + 1 : 1;
    for (let i = 0; i < times; i++) flags.push(flag);
  }
  const axis = (short: number, same: number) => {
    let value = 0;
    return flags.map((flag) => {
      if (flag & short) value += data.getUint8(at++) * (flag & same ? 1 : -1);
      else if (!(flag & same)) {
        value += data.getInt16(at);
        at += 2;
      }
      return value;
    });
  };
  const xs = axis(X_SHORT, X_SAME);
  const ys = axis(Y_SHORT, Y_SAME);
  return ends.map((end, i) => {
    const from = i === 0 ? 0 : ends[i - 1]! + 1;
    return flags
      .slice(from, end + 1)
      .map((flag, k) => ({ x: xs[from + k]!, y: -ys[from + k]!, onCurve: (flag & ON_CURVE) !== 0 }));
  });
}

function composite(glyf: (id: number) => DataView | null, data: DataView): Point[][] {
  const parts: Point[][] = [];
  let at = 10;
  for (let flags: number = MORE; flags & MORE; ) {
    flags = data.getUint16(at);
    const part = data.getUint16(at + 2);
    at += 4;
    const offsets =
      flags & WORDS ? [data.getInt16(at), data.getInt16(at + 2)] : [data.getInt8(at), data.getInt8(at + 1)];
    at += flags & WORDS ? 4 : 2;
    const [dx, dy] = flags & XY ? [offsets[0]!, -offsets[1]!] : [0, 0];
    const fixed = () => {
      const value = data.getInt16(at) / 16384;
      at += 2;
      return value;
    };
    let [a, b, c, d] = [1, 0, 0, 1];
    if (flags & SCALE) a = d = fixed();
    else if (flags & SCALE_XY) [a, d] = [fixed(), fixed()];
    else if (flags & SCALE_2X2) [a, b, c, d] = [fixed(), fixed(), fixed(), fixed()];
    for (const contour of contoursOf(glyf, part)) {
      // y points down here, so the mixed terms change their sign.
      parts.push(
        contour.map(({ x, y, onCurve }) => ({ x: a * x - c * y + dx, y: -b * x + d * y + dy, onCurve })),
      );
    }
  }
  return parts;
}

/** Quadratic splines: between two control points in a row lies a point of the curve, in the middle. */
function pathOf(contour: Point[]): string {
  if (contour.length < 2) return "";
  const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, onCurve: true });
  const first = contour.findIndex((point) => point.onCurve);
  const start = first >= 0 ? contour[first]! : middle(contour.at(-1)!, contour[0]!);
  const rest = first >= 0 ? [...contour.slice(first + 1), ...contour.slice(0, first)] : contour;
  const shown = ({ x, y }: Point) => `${Math.round(x)} ${Math.round(y)}`;
  let path = `M${shown(start)}`;
  let control: Point | null = null;
  for (const point of [...rest, start]) {
    if (point.onCurve) {
      path += control ? `Q${shown(control)} ${shown(point)}` : point === start ? "" : `L${shown(point)}`;
      control = null;
    } else {
      if (control) path += `Q${shown(control)} ${shown(middle(control, point))}`;
      control = point;
    }
  }
  return `${path}Z`;
}
