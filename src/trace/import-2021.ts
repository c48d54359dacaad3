import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import { assertReadable, nameOf } from "./files.ts";
import { ranked, type Trace, type TraceFunction } from "./trace.ts";

/** Header of the Azure Functions Invocation Trace 2021. */
const HEADER = "app,func,end_timestamp,duration";
const REPORTED_ROWS = 10;

/** A row that was left out. */
export interface BadRow {
  line: number;
  reason: string;
}

export interface ImportReport {
  trace: Trace;
  rows: number;
  skipped: number;
  /** The first ten of them. */
  badRows: BadRow[];
  /** Rows whose start (end - duration) lay before 0; they start at 0. */
  clamped: number;
}

/** Growable columns of one function: numbers, not an object for each of two million rows. */
class Columns {
  arrivals = new Float64Array(16);
  durations = new Float64Array(16);
  length = 0;

  push(arrival: number, duration: number): void {
    if (this.length === this.arrivals.length) {
      for (const key of ["arrivals", "durations"] as const) {
        const grown = new Float64Array(this.length * 2);
        grown.set(this[key]);
        this[key] = grown;
      }
    }
    this.arrivals[this.length] = arrival;
    this.durations[this.length++] = duration;
  }

  finish(id: string): TraceFunction {
    const order = Uint32Array.from({ length: this.length }, (_, i) => i);
    order.sort((a, b) => this.arrivals[a]! - this.arrivals[b]! || a - b);
    return {
      id,
      arrivals: Float64Array.from(order, (i) => this.arrivals[i]!),
      durations: Float64Array.from(order, (i) => this.durations[i]!),
    };
  }
}

/**
 * Imports a file of the 2021 schema, `app,func,end_timestamp,duration` in seconds; an arrival is end minus
 * duration. Rows may be in any order. Malformed rows are skipped and counted, or with `strict` end the import.
 *
 * @param progress gets the number of bytes read so far
 * @throws FaasmemError NO_SUCH_FILE, ARCHIVED_TRACE, BAD_TRACE (with FILE:LINE), EMPTY_TRACE
 */
export async function importAzure2021(
  path: string,
  options: { name?: string; strict?: boolean; progress?: (bytes: number) => void } = {},
): Promise<ImportReport> {
  assertReadable(path);
  const functions = new Map<string, Columns>();
  const badRows: BadRow[] = [];
  let [line, rows, skipped, clamped, bytes] = [0, 0, 0, 0, 0];

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

  const take = (raw: string) => {
    line++;
    const text = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (line === 1) {
      if (text.replace(/^\uFEFF/, "") !== HEADER) bad(`expected the header ${HEADER}`);
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
    const columns = functions.get(id) ?? new Columns();
    functions.set(id, columns);
    if (end - duration < 0) clamped++;
    columns.push(Math.max(0, end - duration), duration);
    rows++;
  };

  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "utf8", highWaterMark: 1 << 20 })) {
    bytes += (chunk as string).length;
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const text of lines) take(text);
    options.progress?.(bytes);
  }
  if (rest !== "") take(rest);
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
  const name = options.name ?? nameOf(path);
  return { trace: { name, source: basename(path), spanS, functions: list }, rows, skipped, badRows, clamped };
}
