import { basename } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import { Columns } from "./columns.ts";
import { assertReadable, nameOf } from "./files.ts";
import { JsonStream } from "./json-stream.ts";
import { chunksOf } from "./lines.ts";
import { type BadRow, type ImportReport, REPORTED_ROWS } from "./report.ts";
import { ranked, type TraceFunction } from "./trace.ts";
import { noteOf2021 } from "./trace-2021.ts";

const DEFAULT_DURATION_S = 0.1;

/** One entry of `functions_events`: `type` 0 is a start, 1 an end. */
interface TidyEvent {
  timestamp?: unknown;
  type?: unknown;
  request_id?: unknown;
  duration?: unknown;
}

interface Request {
  start?: number;
  end?: number;
  duration?: number;
}

/**
 * Imports `trace_tidy.json`, the artifact's own form of a trace (reference, section 5): `per_function_invocations` gives
 * functions and arrivals, `functions_events` the durations. It is read in a stream; of events only one function's
 * are held at a time.
 *
 * @throws FaasmemError NO_SUCH_FILE, ARCHIVED_TRACE, BAD_TRACE (with FILE), EMPTY_TRACE
 */
export async function importTidy(
  path: string,
  options: {
    name?: string | undefined;
    strict?: boolean;
    progress?: ((bytes: number) => void) | undefined;
  } = {},
): Promise<ImportReport> {
  await assertReadable(path);
  const reader = new TidyReader(options.strict === true);
  const stream = new JsonStream(reader);
  const hash = new Bun.CryptoHasher("sha256");
  try {
    for await (const chunk of chunksOf(path, options.progress)) {
      hash.update(chunk);
      stream.write(chunk);
    }
    stream.end();
  } catch (error) {
    if (!(error instanceof FaasmemError)) throw error;
    throw new FaasmemError(error.code, `${path}: ${error.message}`, { fix: error.fix, cause: error });
  }
  const functions = reader.functions();
  const rows = functions.reduce((sum, fn) => sum + fn.arrivals.length, 0);
  if (rows === 0) {
    throw new FaasmemError("EMPTY_TRACE", `${path} has no invocation`, {
      fix: "give the artifact's trace_tidy.json",
    });
  }
  const { skipped, badRows, clamped } = reader;
  const note = noteOf2021(basename(path), rows, functions.length);
  const notes = note === undefined ? [] : [note];
  if (reader.unknown > 0)
    notes.push(`${reader.unknown} functions have no known durations: ${DEFAULT_DURATION_S} s each`);
  return {
    trace: {
      name: options.name ?? nameOf(path),
      source: basename(path),
      spanS: functions.reduce((most, fn) => Math.max(most, fn.arrivals.at(-1)!), 0),
      functions,
    },
    ...{ rows, skipped, badRows, clamped },
    sha256: hash.digest("hex"),
    notes,
  };
}

/** Follows the stream by where it is: keys of the objects around, "" for an array. */
class TidyReader {
  skipped = 0;
  badRows: BadRow[] = [];
  clamped = 0;
  unknown = 0;
  readonly #strict: boolean;
  readonly #path: string[] = [];
  #key = "";
  #events = new Map<string, TraceFunction>();
  #requests = new Map<unknown, Request>();
  #event: TidyEvent = {};
  #entry = 0;
  #invoked: { id: string; arrivals: Columns }[] = [];

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  key = (name: string) => {
    this.#key = name;
  };

  open = (kind: "{" | "[") => {
    this.#path.push(this.#path.length === 0 ? "" : this.#key);
    if (kind === "[") this.#key = "";
    const depth = this.#path.length;
    if (this.#path[1] === "functions_events" && depth === 4) this.#event = {};
    if (this.#path[1] === "per_function_invocations" && depth === 3)
      this.#invoked.push({ id: "", arrivals: new Columns() });
  };

  close = () => {
    const key = this.#path.pop()!;
    const depth = this.#path.length;
    if (this.#path[1] === "functions_events") {
      if (depth === 3) this.#endEvent();
      else if (depth === 2) this.#endFunction(key);
    }
    // What follows in an array has no key.
    this.#key = "";
  };

  value = (value: string | number | boolean | null) => {
    const depth = this.#path.length;
    if (this.#path[1] === "functions_events" && depth === 4)
      this.#event[this.#key as keyof TidyEvent] = value;
    if (this.#path[1] !== "per_function_invocations") return;
    const entry = this.#invoked.at(-1);
    if (depth === 3 && this.#key === "function_name") entry!.id = String(value);
    if (depth === 4 && this.#path[3] === "incoming_timestamps") {
      this.#entry++;
      if (typeof value === "number" && value >= 0) entry!.arrivals.push(value, DEFAULT_DURATION_S);
      else this.#bad(`arrival ${JSON.stringify(value)} of ${entry!.id} is no time`);
    }
  };

  #bad(reason: string): void {
    if (this.#strict)
      throw new FaasmemError("BAD_TRACE", `entry ${this.#entry}: ${reason}`, {
        fix: "correct the file, or leave out --strict to skip such entries",
      });
    this.skipped++;
    if (this.badRows.length < REPORTED_ROWS) this.badRows.push({ line: this.#entry, reason });
  }

  #endEvent(): void {
    this.#entry++;
    const { timestamp, type, request_id: id, duration } = this.#event;
    if (typeof timestamp !== "number" || (type !== 0 && type !== 1) || id === undefined) {
      this.#bad("an event without timestamp, type 0 or 1, and request_id");
      return;
    }
    let request = this.#requests.get(id);
    if (!request) {
      request = {};
      this.#requests.set(id, request);
    }
    if (type === 0) request.start = timestamp;
    else request.end = timestamp;
    if (typeof duration === "number" && duration >= 0) request.duration = duration;
  }

  #endFunction(id: string): void {
    const columns = new Columns();
    for (const { start, end, duration } of this.#requests.values()) {
      const began = start ?? (end !== undefined && duration !== undefined ? end - duration : undefined);
      const took = duration ?? (end !== undefined && start !== undefined ? end - start : undefined);
      if (began === undefined || took === undefined || took < 0) {
        this.#bad(`a request of ${id} without start or end`);
        continue;
      }
      if (began < 0) this.clamped++;
      columns.push(Math.max(0, began), took);
    }
    this.#requests = new Map();
    if (columns.length > 0) this.#events.set(id, columns.finish(id));
  }

  /** Functions as `per_function_invocations` has them, else of the events; most invoked first. */
  functions(): TraceFunction[] {
    const found = this.#invoked.flatMap(({ id, arrivals }) => {
      if (arrivals.length === 0) return [];
      const fn = arrivals.finish(id);
      const known = this.#events.get(id);
      if (known?.arrivals.length === fn.arrivals.length) fn.durations = known.durations;
      else this.unknown++;
      return [fn];
    });
    return ranked(found.length > 0 ? found : [...this.#events.values()]);
  }
}
