/**
 * The function host: the program inside a `bun` sandbox. It imports the user's module and runs its handler,
 * one request at a time. Its memory belongs to the Runtime Pucket, so it holds nothing but this.
 */
import { type FromHost, LineReader, LineWriter, SOCKET_VARIABLE, type ToHost } from "./protocol.ts";

type Handler = (context: unknown) => unknown;

const path = process.env[SOCKET_VARIABLE];
if (!path) {
  console.error(`this is faasmem's function host: ${SOCKET_VARIABLE} is not set`);
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

const reader = new LineReader();
await Bun.connect<LineWriter>({
  unix: path,
  socket: {
    open(socket) {
      socket.data = new LineWriter(socket);
      socket.data.send({ ready: true } satisfies FromHost);
    },
    async data(socket, chunk) {
      for (const line of reader.push(chunk)) {
        const message = JSON.parse(line) as ToHost;
        socket.data.send(
          "init" in message ? await load(message.init.module) : await run(message.id, message.run),
        );
      }
    },
    drain(socket) {
      socket.data.drain();
    },
    // The worker is gone: so is the reason to be.
    close() {
      process.exit(0);
    },
    error() {
      process.exit(1);
    },
  },
});
