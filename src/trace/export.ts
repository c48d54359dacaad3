import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { finished } from "node:stream/promises";
import type { Trace } from "./trace.ts";

/** Schemas that other tools read. */
export type Schema = "2021" | "2019";

function* rows2021({ functions }: Trace): Generator<string> {
  yield "app,func,end_timestamp,duration";
  // In the order of their ends, as the original: a merge of sorted lists would save memory, a sort is simpler.
  const events = functions.flatMap(({ id, arrivals, durations }) =>
    Array.from(arrivals, (at, i) => ({ id, end: at + durations[i]!, duration: durations[i]! })),
  );
  events.sort((a, b) => a.end - b.end);
  for (const { id, end, duration } of events) {
    const [app, ...rest] = id.split("/");
    yield `${app},${rest.join("/") || app},${end},${duration}`;
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

/** Writes a trace in a schema that other tools read; a reader never sees half of it. */
export async function exportTrace(trace: Trace, schema: Schema, path: string): Promise<void> {
  const stream = createWriteStream(`${path}.tmp`);
  try {
    let block: string[] = [];
    const flush = async () => {
      if (!stream.write(`${block.join("\n")}\n`))
        await new Promise((resolve) => stream.once("drain", resolve));
      block = [];
    };
    for (const row of schema === "2021" ? rows2021(trace) : rows2019(trace)) {
      block.push(row);
      if (block.length === 10_000) await flush();
    }
    if (block.length > 0) await flush();
  } finally {
    stream.end();
  }
  await finished(stream);
  await rename(`${path}.tmp`, path);
}
