import type { PageSet, SandboxMemory } from "./engine.ts";

/**
 * A Pucket: the pages that one stage of a sandbox's life allocated, closed by a time barrier (paper, section
 * 4). Pages that came back after they left are hot: they move up, out of the Pucket's reach, until the next
 * rollback puts them back.
 */
export class Pucket {
  readonly pages: PageSet;
  #hot: PageSet;

  constructor(pages: PageSet, memory: SandboxMemory) {
    this.pages = pages;
    this.#hot = memory.empty();
  }

  /** Pages that may leave. */
  get cold(): PageSet {
    return this.pages.subtract(this.#hot);
  }

  /** Pages seen hot since the last rollback. */
  get hot(): PageSet {
    return this.#hot;
  }

  /** Moves what is hot of this Pucket up. */
  promote(touched: PageSet): void {
    this.#hot = this.#hot.union(touched.intersect(this.pages));
  }

  /** Puts all hot pages back. */
  rollback(): void {
    this.#hot = this.#hot.subtract(this.#hot);
  }
}
