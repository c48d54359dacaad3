import { inflateSync } from "node:zlib";
import { FaasmemError } from "../../base/errors.ts";

/** Tables of a TrueType font by their tag. */
export type FontTables = ReadonlyMap<string, DataView>;

const WOFF = 0x774f4646;
const HEADER = 44;
const ENTRY = 20;

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Unpacks a WOFF 1.0 file (W3C recommendation, sections 4 and 5). @throws FaasmemError BAD_FONT */
export function readWoff(file: Uint8Array): FontTables {
  const data = view(file);
  if (file.byteLength < HEADER || data.getUint32(0) !== WOFF) {
    throw new FaasmemError("BAD_FONT", "the font of the figures is damaged", {
      fix: "this is a defect in faasmem: report it with its version",
    });
  }
  const tables = new Map<string, DataView>();
  for (let i = 0, at = HEADER; i < data.getUint16(12); i++, at += ENTRY) {
    const tag = String.fromCharCode(...file.subarray(at, at + 4));
    const [offset, packed, size] = [4, 8, 12].map((by) => data.getUint32(at + by)) as [
      number,
      number,
      number,
    ];
    const bytes = file.subarray(offset, offset + packed);
    tables.set(tag, view(packed < size ? new Uint8Array(inflateSync(bytes)) : bytes));
  }
  return tables;
}
