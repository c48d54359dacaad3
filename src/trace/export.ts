import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import type { Trace } from "./trace.ts";

/** Schemas that other tools read. */
export type Schema = "2021" | "2019";

const ROWS_PER_WRITE = 10_000;

function* rows2021({ functions }: Trace): Generator<string> {
  yield "app,func,end_timestamp,duration";
  // In the order of their ends, as the original.
  const total = functions.reduce((sum, fn) => sum + fn.arrivals.length, 0);
  const [ends, owners, indexes] = [new Float64Array(total), new Uint32Array(total), new Uint32Array(total)];
  let row = 0;
  functions.forEach(({ arrivals, durations }, owner) => {
    for (let i = 0; i < arrivals.length; i++) {
      ends[row] = arrivals[i]! + durations[i]!;
      owners[row] = owner;
      indexes[row++] = i;
    }
  });
  const names = functions.map(({ id }) => {
    const [app, ...rest] = id.split("/");
    return `${app},${rest.join("/") || app}`;
  });
  for (const at of Uint32Array.from(ends.keys()).sort((a, b) => ends[a]! - ends[b]!)) {
    const owner = owners[at]!;
    yield `${names[owner]},${ends[at]},${functions[owner]!.durations[indexes[at]!]}`;
  }
}

function* rows2019({ functions, spanS }: Trace): Generator<string> {
  const minutes = Math.floor(spanS / 60) + 1;
  yield ["HashOwner,HashApp,HashFunction,Trigger", ...Array.from({ length: minutes }, (_, i) => i + 1)].join(
    ",",
  );
  for (const { id, arrivals } of functions) {
    const counts = new Uint32Array(minutes);
    for (const at of arrivals) counts[Math.floor(at / 60)]!++;
    const parts = id.split("/");
    const [owner, app, name] = parts.length === 3 ? parts : [parts[0], parts[0], parts.at(-1)];
    yield [owner, app, name, "http", ...counts].join(",");
  }
}

/** Writes a trace in a schema that other tools read; a reader never sees half of it, and a full disk leaves nothing. */
export function exportTrace(trace: Trace, schema: Schema, path: string): void {
  const file = openSync(`${path}.tmp`, "w");
  try {
    let block: string[] = [];
    const flush = () => {
      const bytes = Buffer.from(`${block.join("\n")}\n`);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      block = [];
    };
    for (const row of schema === "2021" ? rows2021(trace) : rows2019(trace)) {
      block.push(row);
      if (block.length === ROWS_PER_WRITE) flush();
    }
    if (block.length > 0) flush();
    closeSync(file);
    renameSync(`${path}.tmp`, path);
  } catch (error) {
    rmSync(`${path}.tmp`, { force: true });
    throw error;
  }
}
