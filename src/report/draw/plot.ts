export type PlotModule = typeof import("@observablehq/plot");

/** A screen on which lines need not be moved onto pixels. */
const FINE = { devicePixelRatio: 2 };

let loaded: Promise<PlotModule> | undefined;

/**
 * Loads Plot, once. While it loads it decides for good whether lines are moved by half a pixel: not on a fine screen, and
 * where there is no screen by whether a global `it` says that its own tests run, which other test runners define too. It is
 * shown a fine screen, so that figures are the same everywhere.
 */
export function plotModule(): Promise<PlotModule> {
  loaded ??= (async () => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "window");
    Object.defineProperty(globalThis, "window", { value: FINE, configurable: true });
    try {
      return await import("@observablehq/plot");
    } finally {
      if (before) Object.defineProperty(globalThis, "window", before);
      else Reflect.deleteProperty(globalThis, "window");
    }
  })();
  return loaded;
}
