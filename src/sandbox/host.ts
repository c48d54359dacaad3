/**
 * The function host: the program inside a `bun` sandbox. It imports the user's module and runs its handler,
 * one request at a time. Its memory belongs to the Runtime Pucket, so it holds nothing but this.
 */
import { CHANNELS_VARIABLE, type FromHost, LineReader, type ToHost } from "./protocol.ts";

type Handler = (context: unknown) => unknown;

const [requests, answers] = (process.env[CHANNELS_VARIABLE] ?? "").split(",").map(Number);
if (!requests || !answers) {
  console.error(`this is faasmem's function host: ${CHANNELS_VARIABLE} is not set`);
  process.exit(2);
}

let handler: Handler | undefined;

async function load(module: string): Promise<FromHost> {
  try {
    const loaded = (await import(module)) as { handler?: Handler; default?: Handler };
    handler = loaded.handler ?? loaded.default;
    if (typeof handler !== "function") return { failed: `${module} exports no function "handler"` };
    return { loaded: true };
  } catch (error) {
    return { failed: describe(error) };
  }
}

async function run(id: number, context: unknown): Promise<FromHost> {
  const start = performance.now();
  try {
    const result = (await handler!(context)) ?? null;
    return { id, result, durationMs: performance.now() - start };
  } catch (error) {
    return { id, error: describe(error) };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

// Streams of descriptors, not a connected socket: the runtime looks at those once a second for timeouts, and an idle function would
// touch its memory that often.
const sink = Bun.file(answers).writer();
async function send(message: FromHost): Promise<void> {
  sink.write(`${JSON.stringify(message)}\n`);
  await sink.flush();
}

const reader = new LineReader();
await send({ ready: true });
for await (const chunk of Bun.file(requests).stream()) {
  for (const line of reader.push(chunk)) {
    const message = JSON.parse(line) as ToHost;
    await send("init" in message ? await load(message.init.module) : await run(message.id, message.run));
  }
}
// The worker is gone: so is the reason to be.
process.exit(0);
