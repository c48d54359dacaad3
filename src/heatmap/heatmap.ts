import { z } from "zod";

/** Pages by their place in mappings, as they cross HTTP (src/memory/engine.ts, PortablePages). */
export const portablePages = z.array(
  z.object({
    mapping: z.string(),
    runs: z.array(z.tuple([z.number().int().min(0), z.number().int().min(0)])),
  }),
);

/** The answer of `GET /functions/NAME/pages`: what is local now of the function's oldest sandbox, null without one. */
export const sandboxPages = z.object({ sandbox: z.string().nullable(), local: portablePages });

/** What was local of a sandbox at one moment. */
export interface Frame {
  /** Trace seconds after the window's start. */
  atS: number;
  sandbox: string;
  local: z.infer<typeof portablePages>;
}

/** The pages of one sandbox over time. */
export interface Heatmap {
  sandbox: string;
  /** Trace seconds of the columns. */
  atS: number[];
  /** Pages that each row stands for, in order of their addresses; holes that were never used are left out. */
  rowPages: number[];
  /** Share of a row's pages that was local, 0 to 1; by column, then by row. */
  local: number[][];
}

/** Pages that are counted together. */
const BLOCK = 16;
const ROWS = 120;

/** The sandbox that was seen longest, as a heatmap; null when none was seen. */
export function heatmapOf(frames: readonly Frame[]): Heatmap | null {
  const bySandbox = Map.groupBy(frames, (frame) => frame.sandbox);
  const longest = [...bySandbox.values()].toSorted((a, b) => b.length - a.length)[0];
  if (!longest) return null;
  const order = mappingOrder(longest);
  const columns = longest.map((frame) => blocksOf(frame, order));
  const most = new Map<number, number>(); // pages of a block that were ever local at once
  for (const column of columns)
    for (const [block, pages] of column) most.set(block, Math.max(pages, most.get(block) ?? 0));
  const blocks = [...most.keys()].toSorted((a, b) => a - b);
  const perRow = Math.max(1, Math.ceil(blocks.length / ROWS));
  const rows = Array.from({ length: Math.ceil(blocks.length / perRow) }, (_, i) =>
    blocks.slice(i * perRow, (i + 1) * perRow),
  );
  const rowPages = rows.map((row) => row.reduce((sum, block) => sum + most.get(block)!, 0));
  return {
    sandbox: longest[0]!.sandbox,
    atS: longest.map((frame) => frame.atS),
    rowPages,
    local: columns.map((column) =>
      rows.map((row, i) => row.reduce((sum, block) => sum + (column.get(block) ?? 0), 0) / rowPages[i]!),
    ),
  };
}

/** Mappings in the order of their addresses: the frames list them so; those that came later stand at the end. */
function mappingOrder(frames: readonly Frame[]): Map<string, number> {
  const names = new Set(frames.flatMap((frame) => frame.local.map(({ mapping }) => mapping)));
  return new Map([...names].map((name, place) => [name, place]));
}

/** Local pages by block; a block's number sorts by mapping, then by address. */
function blocksOf(frame: Frame, order: ReadonlyMap<string, number>): Map<number, number> {
  const blocks = new Map<number, number>();
  for (const { mapping, runs } of frame.local) {
    const base = order.get(mapping)! * 2 ** 32;
    for (const [offset, pages] of runs) {
      for (let at = offset; at < offset + pages; ) {
        const block = Math.floor(at / BLOCK);
        const end = Math.min(offset + pages, (block + 1) * BLOCK);
        blocks.set(base + block, (blocks.get(base + block) ?? 0) + end - at);
        at = end;
      }
    }
  }
  return blocks;
}
