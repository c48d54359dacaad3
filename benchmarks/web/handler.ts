import { createHash } from "node:crypto";
import { PAGES } from "./input.ts";
import { htmlPages } from "./pages.ts";

const pages = htmlPages(2024, PAGES);

/** SHA3-512 of one of the pages in memory. */
export function handler(context: unknown): { id: number; bytes: number; digest: string } {
  const id = Math.trunc(Number((context as { id?: number }).id ?? 0));
  const page = pages[id];
  if (page === undefined) throw new RangeError(`id must be 0 to ${PAGES - 1}`);
  return { id, bytes: page.length, digest: createHash("sha3-512").update(page, "latin1").digest("hex") };
}
