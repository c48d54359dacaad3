import type { PageSet } from "./engine.ts";

/**
 * A page set as sorted, disjoint, non-adjacent runs of page numbers: the same as the engine's sets (ffi/set.c), but in
 * JavaScript's own memory. Sets of a benchmark function have 100 to 1000 runs; an operation on two of them takes one
 * to five microseconds, a third of what a call of the C library with its finalizer takes.
 */
export class PageRuns implements PageSet {
  /** Start and end (exclusive) of each run. */
  readonly runs: Int32Array;
  readonly pages: number;

  constructor(runs: Int32Array) {
    this.runs = runs;
    let pages = 0;
    for (let i = 0; i < runs.length; i += 2) pages += runs[i + 1]! - runs[i]!;
    this.pages = pages;
  }

  union(other: PageSet): PageRuns {
    const [a, b] = [this.runs, of(other)];
    if (a.length === 0) return other as PageRuns;
    if (b.length === 0 || a === b) return this;
    const out = scratch(a.length + b.length);
    let [i, j, n] = [0, 0, 0];
    while (i < a.length || j < b.length) {
      const fromA = j >= b.length || (i < a.length && a[i]! <= b[j]!);
      const start = fromA ? a[i]! : b[j]!;
      const end = fromA ? a[i + 1]! : b[j + 1]!;
      if (fromA) i += 2;
      else j += 2;
      if (n > 0 && out[n - 1]! >= start) {
        if (end > out[n - 1]!) out[n - 1] = end;
        continue;
      }
      out[n++] = start;
      out[n++] = end;
    }
    return new PageRuns(out.slice(0, n));
  }

  subtract(other: PageSet): PageRuns {
    const [a, b] = [this.runs, of(other)];
    if (a.length === 0 || b.length === 0) return this;
    const out = scratch(a.length + b.length);
    let [j, n] = [0, 0];
    for (let i = 0; i < a.length; i += 2) {
      let at = a[i]!;
      const end = a[i + 1]!;
      while (j < b.length && b[j + 1]! <= at) j += 2;
      for (let k = j; k < b.length && b[k]! < end; k += 2) {
        if (b[k]! > at) {
          out[n++] = at;
          out[n++] = b[k]!;
        }
        if (b[k + 1]! > at) at = b[k + 1]!;
      }
      if (at < end) {
        out[n++] = at;
        out[n++] = end;
      }
    }
    return new PageRuns(out.slice(0, n));
  }

  intersect(other: PageSet): PageRuns {
    const [a, b] = [this.runs, of(other)];
    if (a === b) return this;
    if (a.length === 0 || b.length === 0) return none;
    const out = scratch(a.length + b.length);
    let [i, j, n] = [0, 0, 0];
    while (i < a.length && j < b.length) {
      const start = a[i]! > b[j]! ? a[i]! : b[j]!;
      const end = a[i + 1]! < b[j + 1]! ? a[i + 1]! : b[j + 1]!;
      if (start < end) {
        out[n++] = start;
        out[n++] = end;
      }
      if (a[i + 1]! < b[j + 1]!) i += 2;
      else j += 2;
    }
    return n === 0 ? none : new PageRuns(out.slice(0, n));
  }

  first(pages: number): PageRuns {
    let left = Math.max(0, Math.floor(pages));
    if (left >= this.pages) return this;
    let i = 0;
    while (left > 0 && this.runs[i + 1]! - this.runs[i]! <= left) {
      left -= this.runs[i + 1]! - this.runs[i]!;
      i += 2;
    }
    const out = this.runs.slice(0, left > 0 ? i + 2 : i);
    if (left > 0) out[i + 1] = out[i]! + left;
    return new PageRuns(out);
  }
}

const of = (set: PageSet): Int32Array => (set as PageRuns).runs;

/** The empty set. */
export const none = new PageRuns(new Int32Array(0));

/** Where results are built: one at a time, so one is enough. */
let room = new Int32Array(4096);

function scratch(numbers: number): Int32Array {
  if (room.length < numbers) room = new Int32Array(numbers * 2);
  return room;
}

/** The pages [start, start + pages). */
export const pageRange = (start: number, pages: number): PageRuns =>
  pages > 0 ? new PageRuns(Int32Array.of(start, start + pages)) : none;

/** Of a set, the aligned blocks of `size` pages (a power of two) that it has pages in. */
export function blocksOf(set: PageRuns, size: number): PageRuns {
  const { runs } = set;
  const out = scratch(runs.length);
  let n = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i]! & -size;
    const end = (runs[i + 1]! + size - 1) & -size;
    if (n > 0 && out[n - 1]! >= start) out[n - 1] = end;
    else {
      out[n++] = start;
      out[n++] = end;
    }
  }
  return new PageRuns(out.slice(0, n));
}

/**
 * Runs as text for the store: gaps and lengths as variable-length numbers of 7 bits a byte, in base64. Two to three
 * bytes a run.
 */
export function encodeRuns(set: PageRuns): string {
  const bytes: number[] = [];
  const put = (value: number) => {
    let left = value;
    for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
    bytes.push(left);
  };
  let last = 0;
  for (const edge of set.runs) {
    put(edge - last);
    last = edge;
  }
  return Buffer.from(bytes).toString("base64");
}

/** The set of `encodeRuns`. */
export function decodeRuns(text: string): PageRuns {
  const bytes = Buffer.from(text, "base64");
  const edges: number[] = [];
  let [last, value, shift] = [0, 0, 1];
  for (const byte of bytes) {
    value += (byte % 128) * shift;
    shift *= 128;
    if (byte > 127) continue;
    last += value;
    edges.push(last);
    [value, shift] = [0, 1];
  }
  return new PageRuns(Int32Array.from(edges));
}
