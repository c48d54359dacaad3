import { basename, extname } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import { random } from "../base/random.ts";
import { assertReadable, nameOf } from "./files.ts";
import { eachLine } from "./lines.ts";
import { type BadRow, type ImportReport, REPORTED_ROWS } from "./report.ts";
import { type Spread, spreadInto } from "./spread.ts";
import { ranked, type TraceFunction } from "./trace.ts";

const HEADER = /^HashOwner,HashApp,HashFunction,Trigger((,\d+)+)$/;
const MINUTE_S = 60;
const DEFAULT_DURATION_S = 0.1;
/** 16 bytes each. A whole day of the data set has some nine hundred million: nobody can replay these. */
const MOST = 50_000_000;

export interface Import2019Options {
  name?: string | undefined;
  seed: number;
  spread: Spread;
  /** File of durations of the same data set (`HashOwner,HashApp,HashFunction,Average,...`, milliseconds). */
  durations?: string | undefined;
  /** Stop at the first malformed row instead of skipping it. */
  strict?: boolean;
  /** Take each function with this probability; default 1. */
  sample?: number | undefined;
  /** Gets the number of bytes read so far. */
  progress?: ((bytes: number) => void) | undefined;
}

/** Average duration in seconds by owner, application and function. */
async function readDurations(path: string): Promise<Map<string, number>> {
  await assertReadable(path);
  const found = new Map<string, number>();
  let line = 0;
  await eachLine(path, (text) => {
    const cells = text.split(",");
    if (++line === 1 || text === "") return;
    const average = Number(cells[3]);
    if (cells.length >= 4 && cells[3] !== "" && Number.isFinite(average) && average >= 0)
      found.set(cells.slice(0, 3).join("/"), average / 1000);
  });
  return found;
}

/**
 * Imports per-minute counts of the Azure Functions Trace 2019, `HashOwner,HashApp,HashFunction,Trigger,1..1440` (or any
 * stretch of minutes), expanded to arrivals with a seed. Malformed rows are skipped and counted, or with `strict` end the
 * import.
 *
 * @throws FaasmemError NO_SUCH_FILE, ARCHIVED_TRACE, BAD_TRACE (with FILE:LINE), TOO_LARGE, EMPTY_TRACE
 */
export async function importAzure2019(path: string, options: Import2019Options): Promise<ImportReport> {
  await assertReadable(path);
  const durations =
    options.durations === undefined ? new Map<string, number>() : await readDurations(options.durations);
  const { sample = 1, spread } = options;
  const next = random(options.seed);
  const choose = random(options.seed + 1);
  const hash = new Bun.CryptoHasher("sha256");
  const functions: TraceFunction[] = [];
  const badRows: BadRow[] = [];
  let [line, minutes, rows, skipped, invocations, unknown] = [0, 0, 0, 0, 0, 0];

  const bad = (reason: string) => {
    if (options.strict || line === 1) {
      throw new FaasmemError("BAD_TRACE", `${path}:${line}: ${reason}`, {
        fix:
          line === 1
            ? "give a file of invocations of the Azure Functions Trace 2019"
            : "correct the line, or leave out --strict to skip such lines",
      });
    }
    skipped++;
    if (badRows.length < REPORTED_ROWS) badRows.push({ line, reason });
  };

  const take = (text: string) => {
    line++;
    if (line === 1) {
      const header = HEADER.exec(text);
      if (!header) return bad("expected the header HashOwner,HashApp,HashFunction,Trigger,1,2,...");
      minutes = header[1]!.split(",").length - 1;
      return;
    }
    if (text === "") return;
    const cells = text.split(",");
    if (cells.length !== minutes + 4) return bad(`${cells.length} columns instead of ${minutes + 4}`);
    const id = cells.slice(0, 3).join("/");
    const counts = new Float64Array(minutes);
    let total = 0;
    for (let minute = 0; minute < minutes; minute++) {
      const cell = cells[minute + 4]!;
      const count = cell === "" ? 0 : Number(cell);
      if (!Number.isInteger(count) || count < 0) return bad(`"${cell}" is not a count`);
      counts[minute] = count;
      total += count;
    }
    rows++;
    if (total === 0 || (sample < 1 && choose() >= sample)) return;
    invocations += total;
    if (invocations > MOST) {
      throw new FaasmemError("TOO_LARGE", `${path} has more than ${MOST} invocations`, {
        fix: "take a part of its functions, for example --sample 1%",
      });
    }
    const arrivals = new Float64Array(total);
    let at = 0;
    counts.forEach((count, minute) => {
      if (count > 0) spreadInto(arrivals, at, count, minute * MINUTE_S, spread, next);
      at += count;
    });
    const duration = durations.get(id);
    if (duration === undefined) unknown++;
    functions.push({
      id,
      arrivals,
      durations: new Float64Array(total).fill(duration ?? DEFAULT_DURATION_S),
    });
  };

  await eachLine(path, take, { onBytes: options.progress, onChunk: (chunk) => hash.update(chunk) });
  if (functions.length === 0) {
    throw new FaasmemError(
      "EMPTY_TRACE",
      `${path} has no invocation${skipped ? ` (${skipped} malformed rows)` : ""}`,
      { fix: "give a file of invocations of the Azure Functions Trace 2019" },
    );
  }
  const part = sample < 1 ? `, a sample of ${sample * 100} %` : "";
  return {
    trace: {
      name: options.name ?? nameOf(path),
      source: `${basename(path, extname(path))}, per minute, ${spread}, seed ${options.seed}${part}`,
      spanS: functions.reduce((most, fn) => Math.max(most, fn.arrivals.at(-1)!), 0),
      functions: ranked(functions),
    },
    ...{ rows, skipped, badRows, clamped: 0 },
    sha256: hash.digest("hex"),
    notes: unknown > 0 ? [`${unknown} functions have no known duration: ${DEFAULT_DURATION_S} s each`] : [],
  };
}
