import { type Pointer, ptr } from "bun:ffi";
import type { PageSet } from "../src/memory/engine.ts";
import type { Library } from "./load.ts";
import { statusError } from "./status.ts";

const OUT_OF_MEMORY = -1;

/** Frees the C memory of sets that nobody holds any more. */
const registry = new FinalizationRegistry<() => void>((free) => free());

/** A page set that lives in the C library; freed with the object. */
export class NativePageSet implements PageSet {
  readonly pages: number;
  readonly address: Pointer;
  readonly #library: Library;

  /** @param address what a function of the library returned; null (out of memory) throws */
  constructor(library: Library, address: Pointer | bigint | null) {
    if (!address) throw statusError(OUT_OF_MEMORY, "page set");
    this.#library = library;
    const pointer = address as Pointer;
    this.address = pointer;
    this.pages = Number(library.fm_set_pages(pointer));
    registry.register(this, () => library.fm_set_free(pointer));
  }

  union(other: PageSet): PageSet {
    return new NativePageSet(this.#library, this.#library.fm_set_union(this.address, native(other)));
  }

  subtract(other: PageSet): PageSet {
    return new NativePageSet(this.#library, this.#library.fm_set_subtract(this.address, native(other)));
  }

  intersect(other: PageSet): PageSet {
    return new NativePageSet(this.#library, this.#library.fm_set_intersect(this.address, native(other)));
  }

  first(pages: number): PageSet {
    return new NativePageSet(
      this.#library,
      this.#library.fm_set_first(this.address, BigInt(Math.max(0, Math.floor(pages)))),
    );
  }
}

/** The set of `ranges`, each [start, end), ascending. */
export function setOfRanges(library: Library, ranges: readonly [number, number][]): NativePageSet {
  const pairs = new BigUint64Array(Math.max(1, ranges.length) * 2);
  ranges.forEach(([start, end], i) => {
    pairs[2 * i] = BigInt(start);
    pairs[2 * i + 1] = BigInt(end);
  });
  return new NativePageSet(library, library.fm_set_of_ranges(ptr(pairs), BigInt(ranges.length)));
}

/** The ranges of a set, each [start, end), ascending. */
export function rangesOf(library: Library, set: PageSet): [number, number][] {
  const count = Number(library.fm_set_range_count(native(set)));
  if (count === 0) return [];
  const pairs = new BigUint64Array(count * 2);
  library.fm_set_ranges(native(set), ptr(pairs));
  return Array.from({ length: count }, (_, i) => [Number(pairs[2 * i]), Number(pairs[2 * i + 1])]);
}

/** The C address of a set that a policy handed back. */
export function native(set: PageSet): Pointer {
  if (set instanceof NativePageSet) return set.address;
  throw new TypeError("this page set was not made by the engine");
}
