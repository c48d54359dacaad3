import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random } from "../base/random.ts";
import { schemaOf } from "./files.ts";
import { generateTrace } from "./generate.ts";
import { importTidy } from "./import-tidy.ts";
import { JsonStream } from "./json-stream.ts";
import type { TraceFunction } from "./trace.ts";

const folder = mkdtempSync(join(tmpdir(), "faasmem-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
function file(value: unknown): string {
  const path = join(folder, "trace_tidy.json");
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

/** The artifact's form of these functions. */
const tidy = (functions: TraceFunction[]) => ({
  function_ids: functions.map(({ id }) => id).toReversed(),
  functions_events: Object.fromEntries(
    functions.toReversed().map(({ id, arrivals, durations }) => [
      id,
      [...arrivals].flatMap((at, i) => [
        { timestamp: at, type: 0, request_id: `${id}-${i}` },
        { timestamp: at + durations[i]!, type: 1, request_id: `${id}-${i}`, duration: durations[i]! },
      ]),
    ]),
  ),
  per_function_invocations: functions.map(({ id, arrivals }) => ({
    function_name: id,
    incoming_timestamps: [...arrivals],
  })),
});

test("functions, their order, arrivals and durations come back", async () => {
  const { functions } = generateTrace({ name: "g", shape: "bursty", functions: 6, hours: 5, seed: 3 });
  const path = file(tidy(functions));
  expect(await schemaOf(path)).toBe("tidy");
  const { trace, rows, skipped, notes } = await importTidy(path);
  expect(trace.name).toBe("trace-tidy");
  expect(trace.functions).toEqual(functions);
  expect([rows, skipped, notes]).toEqual([functions.reduce((sum, fn) => sum + fn.arrivals.length, 0), 0, []]);
});

test("without events each invocation takes 0.1 s, which is said; without invocations events are enough", async () => {
  const events = {
    "a/f": [
      { timestamp: 5, type: 1, request_id: 1, duration: 2 },
      { timestamp: 7, type: 0, request_id: 2 },
      { timestamp: 8, type: 1, request_id: 2 },
      { timestamp: 1, type: 1, request_id: 3, duration: 4 },
    ],
  };
  const alone = await importTidy(file({ functions_events: events }));
  expect(alone.clamped).toBe(1);
  expect(alone.trace.functions).toEqual([
    { id: "a/f", arrivals: Float64Array.of(0, 3, 7), durations: Float64Array.of(4, 2, 1) },
  ]);
  const invoked = [{ function_name: "a/f", incoming_timestamps: [1, 2] }];
  const { trace, notes } = await importTidy(file({ per_function_invocations: invoked }));
  expect([...trace.functions[0]!.durations]).toEqual([0.1, 0.1]);
  expect(notes).toEqual([expect.stringContaining("1 functions have no known durations")]);
});

test("bad entries are skipped and counted; strict stops at the first", async () => {
  const content = {
    functions_events: {
      f: [
        { timestamp: "x", type: 0, request_id: 1 },
        { timestamp: 1, type: 0, request_id: 2 },
      ],
    },
    per_function_invocations: [{ function_name: "f", incoming_timestamps: [4, -1, "y", null, 2] }],
  };
  const { trace, skipped, badRows } = await importTidy(file(content));
  expect([...trace.functions[0]!.arrivals]).toEqual([2, 4]);
  expect(skipped).toBe(5);
  expect(badRows[0]!.reason).toContain("without timestamp");
  expect(importTidy(file(content), { strict: true })).rejects.toMatchObject({
    code: "BAD_TRACE",
    message: expect.stringContaining("entry 1:"),
  });
});

test.each([
  ["a file that was cut off", JSON.stringify(tidy([])).slice(0, -3), "BAD_TRACE"],
  ["no invocation", tidy([]), "EMPTY_TRACE"],
  ["garbled text", '{"per_function_invocations": [1 2]}', "BAD_TRACE"],
])("%s is refused", (_, content, code) => {
  expect(importTidy(file(content))).rejects.toMatchObject({ code });
});

/** Builds the value that a stream tells of. */
function parse(text: string, cut: () => number): unknown {
  const root: unknown[] = [];
  const stack: (unknown[] | Record<string, unknown>)[] = [root];
  const keys: string[] = [];
  const put = (value: unknown) => {
    const top = stack.at(-1)!;
    if (Array.isArray(top)) top.push(value);
    else top[keys.pop()!] = value;
    return value;
  };
  const stream = new JsonStream({
    open: (kind) => stack.push(put(kind === "{" ? {} : []) as unknown[]),
    close: () => stack.pop(),
    key: (name) => keys.push(name),
    value: put,
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    const to = at + cut();
    stream.write(bytes.subarray(at, to));
    at = to;
  }
  stream.end();
  return root[0];
}

test("a stream in chunks of any size tells what JSON.parse does", () => {
  const next = random(5);
  const value = {
    'a "quoted" \\ key': [1, -2.5e-7, 1e21, true, false, null, "ä€😀\n\\", "", [], {}, [[{ b: [[]] }]]],
    empty: {},
    long: "x".repeat(3000),
  };
  for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
    for (let round = 0; round < 50; round++)
      expect(parse(text, () => 1 + Math.floor(next() * 9))).toEqual(value);
  }
});

test.each([
  "[1,]",
  '{"a"}',
  '{"a":}',
  '{"a" 1}',
  "{1:2}",
  "[1]]",
  "[1}",
  '["a":1]',
  "[1,,2]",
  "[nul]",
  "[1] 2",
  "{",
  '["a',
  "",
])("%s is no JSON", (text) => {
  expect(() => parse(text, () => 3)).toThrow(expect.objectContaining({ code: "BAD_TRACE" }));
});
