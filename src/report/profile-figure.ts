import type { FunctionProfile } from "../profile/profile.ts";
import { drawFigure, type Figure } from "./draw/figure.ts";
import { writeWhole } from "./export/atomic.ts";
import { svgFile } from "./export/svg.ts";

/** Of each pair the lighter one is what requests leave alone. */
const COLOURS = {
  runtime: ["#0072b2", "#9ecae1"],
  init: ["#d55e00", "#f4c39a"],
  execution: ["#009e73", "#a6dcc8"],
} as const;
const ROW = 17;
const MIB_PAGES = 256;

const total = ({ segments }: FunctionProfile) =>
  Object.values(segments).reduce((sum, segment) => sum + segment.pages, 0);

/**
 * The three segments of each function's memory as shares of the whole, with what a request touches (median) in the
 * strong colour; the whole stands beside the name.
 */
export function profileFigure(profiles: readonly FunctionProfile[]): Figure {
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
  return {
    name: "profile",
    title: "Memory of functions by the stage that allocated it",
    description: "Memory of each function by the stage that allocated it, and what a request touches.",
    legend: Object.entries(COLOURS).map(([stage, colours]) => ({
      ...{ label: stage, kind: "scale", colour: colours[0], colours },
    })),
    panels: [
      {
        height: profiles.length * ROW + 28,
        plot: (Plot) => ({
          marginLeft: 72,
          x: { label: "share of the private memory, %", grid: true, domain: [0, 100] },
          y: { label: null, domain: profiles.map(label), padding: 0.25, tickSize: 0 },
          marks: [
            Plot.barX(rows, { y: "function", x1: "start", x2: "end", fill: (row) => row.fill }),
            Plot.ruleX([0]),
          ],
        }),
      },
    ],
    notes: ["Strong: touched by a request (median). Light: left alone."],
  };
}

/** Writes the figure; a reader never sees half of it. Returns its path. */
export const writeProfileFigure = async (
  profiles: readonly FunctionProfile[],
  path: string,
): Promise<string> => writeWhole(path, await svgFile(await drawFigure(profileFigure(profiles))));
