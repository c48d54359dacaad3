import { createHash } from "node:crypto";
import { jsonDocument } from "./document.ts";

/** A document of 3 MiB, as the reference's "JSON file of a few MiB". */
const document = jsonDocument(2024, 3 * 1024 * 1024);

/** Parses the document and prints it again with an indent of two. */
export function handler(): { bytes: number; digest: string } {
  const text = JSON.stringify(JSON.parse(document), null, 2);
  return { bytes: text.length, digest: createHash("sha256").update(text).digest("hex") };
}
