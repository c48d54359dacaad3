import type { PolicySettings } from "./settings.ts";

/** A request that touches fewer new init pages than this share of those known hot adds nothing. */
const FLAT = 0.02;
const FLAT_PAGES = 16;
/** So many of them in a row: the curve is flat. */
const FLAT_REQUESTS = 2;
/** The artifact's longest window. */
const LONGEST = 32;

/**
 * When the Init Pucket's window closes: after a number of requests, or (paper, section 4.3) when the curve of init
 * pages that requests touched for the first time has flattened.
 */
export class InitWindow {
  readonly #settings: () => PolicySettings;
  #requests = 0;
  #flat = 0;
  readonly #tracks: boolean;

  /** @param tracks is it known which pages requests touch? */
  constructor(settings: () => PolicySettings, tracks: boolean) {
    this.#settings = settings;
    this.#tracks = tracks;
  }

  requestEnded(): void {
    this.#requests++;
  }

  /** Requests since the last call touched `added` init pages for the first time, of `hot` in all. */
  observe(added: number, hot: number): void {
    this.#flat = added <= Math.max(FLAT_PAGES, hot * FLAT) ? this.#flat + 1 : 0;
  }

  get closed(): boolean {
    const { initWindow, fallbackWindow } = this.#settings();
    if (initWindow !== null) return this.#requests >= initWindow;
    if (!this.#tracks) return this.#requests >= fallbackWindow;
    return this.#flat >= FLAT_REQUESTS || this.#requests >= LONGEST;
  }

  /** The next window opens. */
  restart(): void {
    this.#requests = 0;
    this.#flat = 0;
  }
}
