import { createReadStream } from "node:fs";
import { basename, extname } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import { random } from "../base/random.ts";
import { assertReadable, nameOf } from "./files.ts";
import { ranked, type Trace, type TraceFunction } from "./trace.ts";

/** How the invocations of a minute are laid out in it, as other tools that expand these counts call it. */
export type Spread = "uniform" | "exponential" | "equidistant";

const HEADER = /^HashOwner,HashApp,HashFunction,Trigger((,\d+)+)$/;
const MINUTE_S = 60;
const DEFAULT_DURATION_S = 0.1;
/** One function's invocations in one minute; more is no count of the data set. */
const MOST = 10_000_000;

export interface Import2019Options {
  name?: string;
  seed: number;
  spread: Spread;
  /** File of durations of the same data set (`HashOwner,HashApp,HashFunction,Average,...`, milliseconds). */
  durations?: string;
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "utf8", highWaterMark: 1 << 20 })) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield line.replace(/\r$/, "");
  }
  if (rest !== "") yield rest;
}

/** Average duration in seconds by owner, application and function. */
async function readDurations(path: string): Promise<Map<string, number>> {
  assertReadable(path);
  const found = new Map<string, number>();
  let line = 0;
  for await (const text of linesOf(path)) {
    const cells = text.split(",");
    if (++line === 1 || text === "") continue;
    const average = Number(cells[3]);
    if (cells.length >= 4 && Number.isFinite(average) && average >= 0)
      found.set(cells.slice(0, 3).join("/"), average / 1000);
  }
  return found;
}

/**
 * Imports per-minute counts of the Azure Functions Trace 2019, `HashOwner,HashApp,HashFunction,Trigger,1..1440` (or any
 * stretch of minutes), expanded to arrivals with a seed.
 * @throws FaasmemError NO_SUCH_FILE, ARCHIVED_TRACE, BAD_TRACE (with FILE:LINE), EMPTY_TRACE
 */
export async function importAzure2019(path: string, options: Import2019Options): Promise<Trace> {
  assertReadable(path);
  const durations =
    options.durations === undefined ? new Map<string, number>() : await readDurations(options.durations);
  const next = random(options.seed);
  const functions: TraceFunction[] = [];
  let [line, minutes] = [0, 0];
  const bad = (reason: string) =>
    new FaasmemError("BAD_TRACE", `${path}:${line}: ${reason}`, {
      fix: "give a file of invocations of the Azure Functions Trace 2019",
    });
  for await (const text of linesOf(path)) {
    line++;
    if (line === 1) {
      const header = HEADER.exec(text.replace(/^\uFEFF/, ""));
      if (!header) throw bad("expected the header HashOwner,HashApp,HashFunction,Trigger,1,2,...");
      minutes = header[1]!.split(",").length - 1;
      continue;
    }
    if (text === "") continue;
    const cells = text.split(",");
    if (cells.length !== minutes + 4) throw bad(`${cells.length} columns instead of ${minutes + 4}`);
    const id = cells.slice(0, 3).join("/");
    const arrivals: number[] = [];
    for (let minute = 0; minute < minutes; minute++) {
      const count = cells[minute + 4] === "" ? 0 : Number(cells[minute + 4]);
      if (!Number.isInteger(count) || count < 0 || count > MOST)
        throw bad(`"${cells[minute + 4]}" is not a count`);
      if (count > 0)
        for (const at of spreadOver(count, options.spread, next)) arrivals.push(minute * MINUTE_S + at);
    }
    if (arrivals.length === 0) continue;
    functions.push({
      id,
      arrivals: Float64Array.from(arrivals),
      durations: new Float64Array(arrivals.length).fill(durations.get(id) ?? DEFAULT_DURATION_S),
    });
  }
  if (functions.length === 0)
    throw new FaasmemError("EMPTY_TRACE", `${path} has no invocation`, {
      fix: "give a file of invocations of the Azure Functions Trace 2019",
    });
  return {
    name: options.name ?? nameOf(path),
    source: `${basename(path, extname(path))}, per minute, ${options.spread}, seed ${options.seed}`,
    spanS: functions.reduce((most, fn) => Math.max(most, fn.arrivals.at(-1)!), 0),
    functions: ranked(functions),
  };
}

/** `count` moments of a minute in seconds, ascending. */
export function spreadOver(count: number, spread: Spread, next: () => number): number[] {
  if (spread === "equidistant")
    return Array.from({ length: count }, (_, i) => ((i + 0.5) * MINUTE_S) / count);
  if (spread === "uniform")
    return Array.from({ length: count }, () => next() * MINUTE_S).sort((a, b) => a - b);
  // Exponential gaps, scaled so that what comes after the last one ends the minute.
  const gaps = Array.from({ length: count + 1 }, () => -Math.log(1 - next()));
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  let at = 0;
  return gaps.slice(0, count).map((gap) => {
    at += gap;
    return (at / total) * MINUTE_S;
  });
}
