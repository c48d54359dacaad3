import { encodeRuns, PageRuns } from "../memory/page-runs.ts";

/** Pages that one fault brings back (src/memory/engine.ts): blocks of this size keep their alignment. */
const BLOCK = 64;

/**
 * Numbers pages anew so that they fit in 31 bits: blocks that were ever used, in the order of their addresses, with a gap of
 * one block where they are not neighbours. Collects all sets first; then `encode` knows all blocks.
 */
export class Numbering {
  readonly #blocks = new Set<number>();
  #place: Map<number, number> | undefined;

  /** @param ranges of page numbers, [start, end) */
  see(ranges: [number, number][]): [number, number][] {
    for (const [start, end] of ranges)
      for (let block = Math.floor(start / BLOCK); block * BLOCK < end; block++) this.#blocks.add(block);
    return ranges;
  }

  /** A set that was seen, as text. */
  encode(ranges: readonly [number, number][]): string {
    this.#place ??= this.#places();
    const edges: number[] = [];
    for (const [start, end] of ranges) {
      const block = Math.floor(start / BLOCK);
      const from = this.#place.get(block)! * BLOCK + (start - block * BLOCK);
      edges.push(from, from + end - start);
    }
    return encodeRuns(new PageRuns(Int32Array.from(edges)));
  }

  #places(): Map<number, number> {
    const places = new Map<number, number>();
    let [place, last] = [0, Number.NEGATIVE_INFINITY];
    for (const block of [...this.#blocks].toSorted((a, b) => a - b)) {
      place += block === last + 1 ? 1 : 2;
      places.set(block, place);
      last = block;
    }
    return places;
  }
}
