/**
 * The typeface of all figures: Source Sans 3 by Adobe (SIL Open Font License 1.1; docs/third-party.md), Latin subset, from the npm
 * package @fontsource/source-sans-3. It travels in the executable, so that figures look the same on every machine.
 */
import regularPath from "@fontsource/source-sans-3/files/source-sans-3-latin-400-normal.woff" with {
  type: "file",
};
import boldPath from "@fontsource/source-sans-3/files/source-sans-3-latin-600-normal.woff" with {
  type: "file",
};
import { type Font, readFont } from "./font.ts";

export const FONT_FAMILY = "Source Sans 3";

/** Regular and semibold, and the files they came from (WOFF). */
export interface Typeface {
  regular: Font;
  bold: Font;
  files: { regular: Uint8Array; bold: Uint8Array };
}

let loaded: Promise<Typeface> | undefined;

/** Reads the typeface, once. */
export function typeface(): Promise<Typeface> {
  loaded ??= (async () => {
    const [regular, bold] = await Promise.all([Bun.file(regularPath).bytes(), Bun.file(boldPath).bytes()]);
    return { regular: readFont(regular), bold: readFont(bold), files: { regular, bold } };
  })();
  return loaded;
}
