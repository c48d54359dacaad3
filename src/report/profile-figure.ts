import { renameSync, writeFileSync } from "node:fs";
import type { FunctionProfile } from "../profile/profile.ts";

/** Okabe-Ito; the lighter one of each pair is what requests leave alone. */
const COLOURS = {
  runtime: ["#0072B2", "#9ecae1"],
  init: ["#D55E00", "#f4c39a"],
  execution: ["#009E73", "#a6dcc8"],
} as const;
const WIDTH = 640;
const ROW = 34;
const MIB_PAGES = 256;
const MARGIN = 130;

const total = ({ segments }: FunctionProfile) =>
  Object.values(segments).reduce((sum, segment) => sum + segment.pages, 0);

/**
 * Draws the three segments of each function's memory as shares of the whole, with what a request touches (median) in the
 * strong colour; the whole stands beside the name.
 */
export async function profileFigure(profiles: readonly FunctionProfile[]): Promise<string> {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<html><body></body></html>");
  const label = (profile: FunctionProfile) =>
    `${profile.function}, ${Math.round(total(profile) / MIB_PAGES)} MiB`;
  const rows = profiles.flatMap((profile) => {
    const whole = total(profile);
    let at = 0;
    return (["runtime", "init", "execution"] as const).flatMap((stage) => {
      const segment = profile.segments[stage];
      const touched = Math.min(segment.touched.median, segment.pages);
      return [
        [touched, COLOURS[stage][0]],
        [segment.pages - touched, COLOURS[stage][1]],
      ].map(([pages, fill]) => {
        const start = at;
        at += ((pages as number) / whole) * 100;
        return { function: label(profile), start, end: at, fill: fill as string };
      });
    });
  });
  const height = profiles.length * ROW + 60;
  const svg = Plot.plot({
    width: WIDTH,
    height,
    marginLeft: MARGIN,
    marginRight: 20,
    marginBottom: 38,
    x: {
      label: "share of the private memory, %",
      labelAnchor: "center",
      grid: true,
      domain: [0, 100],
    },
    y: { label: null, domain: profiles.map(label), padding: 0.25 },
    marks: [
      Plot.barX(rows, { y: "function", x1: "start", x2: "end", fill: (row) => row.fill }),
      Plot.ruleX([0]),
    ],
    document: document as never,
  });
  svg.setAttribute("y", "34");
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  let x = MARGIN;
  const legend = Object.entries(COLOURS)
    .map(([stage, [strong, light]]) => {
      const part = `<rect x="${x}" y="8" width="12" height="12" fill="${strong}"/><rect x="${x + 12}" y="8" width="12" height="12" fill="${light}"/><text x="${x + 29}" y="18">${stage}</text>`;
      x += 110;
      return part;
    })
    .join("");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height + 34}" viewBox="0 0 ${WIDTH} ${height + 34}" font-family="Helvetica, Arial, sans-serif" font-size="12">`,
    "<title>Memory of each function by the stage that allocated it, and what a request touches</title>",
    `<rect width="${WIDTH}" height="${height + 34}" fill="white"/>`,
    `${legend}<text x="${x}" y="18">strong: touched by a request</text>`,
    svg.outerHTML,
    "</svg>\n",
  ].join("\n");
}

/** Writes the figure; a reader never sees half of it. Returns its path. */
export async function writeProfileFigure(
  profiles: readonly FunctionProfile[],
  path: string,
): Promise<string> {
  const svg = await profileFigure(profiles);
  writeFileSync(`${path}.tmp`, svg);
  renameSync(`${path}.tmp`, path);
  return path;
}
