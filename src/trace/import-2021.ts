import { basename } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import { Columns } from "./columns.ts";
import { assertReadable, nameOf } from "./files.ts";
import { eachLine } from "./lines.ts";
import { type BadRow, type ImportReport, REPORTED_ROWS } from "./report.ts";
import { ranked } from "./trace.ts";
import { noteOf2021 } from "./trace-2021.ts";

/** Header of the Azure Functions Invocation Trace 2021. */
const HEADER = "app,func,end_timestamp,duration";

/**
 * Imports a file of the 2021 schema, `app,func,end_timestamp,duration` in seconds; an arrival is end minus
 * duration. Rows may be in any order. Malformed rows are skipped and counted, or with `strict` end the import.
 *
 * @param progress gets the number of bytes read so far
 * @throws FaasmemError NO_SUCH_FILE, ARCHIVED_TRACE, BAD_TRACE (with FILE:LINE), EMPTY_TRACE
 */
export async function importAzure2021(
  path: string,
  options: {
    name?: string | undefined;
    strict?: boolean;
    progress?: ((bytes: number) => void) | undefined;
  } = {},
): Promise<ImportReport> {
  await assertReadable(path);
  const functions = new Map<string, Columns>();
  const badRows: BadRow[] = [];
  const hash = new Bun.CryptoHasher("sha256");
  let [line, rows, skipped, clamped] = [0, 0, 0, 0];

  const bad = (reason: string) => {
    if (options.strict || line === 1) {
      throw new FaasmemError("BAD_TRACE", `${path}:${line}: ${reason}`, {
        fix:
          line === 1
            ? `the first line must be ${HEADER}`
            : "correct the line, or leave out --strict to skip such lines",
      });
    }
    skipped++;
    if (badRows.length < REPORTED_ROWS) badRows.push({ line, reason });
  };

  const take = (text: string) => {
    line++;
    if (line === 1) {
      if (text !== HEADER) bad(`expected the header ${HEADER}`);
      return;
    }
    if (text === "") return;
    const cells = text.split(",");
    if (cells.length !== 4) return bad(`${cells.length} columns instead of 4`);
    const [app, func, endText, durationText] = cells as [string, string, string, string];
    const end = Number(endText);
    const duration = Number(durationText);
    if (!app || !func) return bad("an empty application or function");
    if (endText.trim() === "" || !Number.isFinite(end))
      return bad(`end_timestamp "${endText}" is not a number`);
    if (durationText.trim() === "" || !Number.isFinite(duration))
      return bad(`duration "${durationText}" is not a number`);
    if (end < 0 || duration < 0) return bad("a negative time");
    const id = `${app}/${func}`;
    let columns = functions.get(id);
    if (!columns) {
      columns = new Columns();
      functions.set(id, columns);
    }
    if (end - duration < 0) clamped++;
    columns.push(Math.max(0, end - duration), duration);
    rows++;
  };

  await eachLine(path, take, { onBytes: options.progress, onChunk: (chunk) => hash.update(chunk) });
  if (rows === 0) {
    throw new FaasmemError(
      "EMPTY_TRACE",
      `${path} has no invocation${skipped ? ` (${skipped} malformed rows)` : ""}`,
      {
        fix: "give a file of the Azure Functions Invocation Trace 2021",
      },
    );
  }
  const list = ranked([...functions].map(([id, columns]) => columns.finish(id)));
  const spanS = list.reduce((most, fn) => Math.max(most, fn.arrivals.at(-1)!), 0);
  const note = noteOf2021(basename(path), rows, list.length);
  return {
    trace: { name: options.name ?? nameOf(path), source: basename(path), spanS, functions: list },
    ...{ rows, skipped, badRows, clamped },
    sha256: hash.digest("hex"),
    notes: note === undefined ? [] : [note],
  };
}
