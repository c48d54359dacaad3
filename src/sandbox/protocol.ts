/**
 * What worker and function host say to each other, one JSON value a line, over two channels that the host is born with:
 *
 *   host -> worker  {"ready":true}                      runtime is up            (Runtime-Init barrier)
 *   worker -> host  {"init":{"module":PATH}}            load the user's code
 *   host -> worker  {"loaded":true} | {"failed":TEXT}   module level has run     (Init-Execution barrier)
 *   worker -> host  {"id":N,"run":CONTEXT}              one request
 *   host -> worker  {"id":N,"result":R,"durationMs":D} | {"id":N,"error":TEXT}
 */

/** Longest line either side accepts, in bytes. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** Environment variable with the host's descriptors: of the channel that it reads, and of the one that it writes. */
export const CHANNELS_VARIABLE = "FAASMEM_SANDBOX_CHANNELS";

export type ToHost = { init: { module: string } } | { id: number; run: unknown };
export type FromHost =
  | { ready: true }
  | { loaded: true }
  | { failed: string }
  | { id: number; result: unknown; durationMs: number }
  | { id: number; error: string };

/** Joins chunks of a stream to lines. Throws RangeError when a line grows over MAX_LINE_BYTES. */
export class LineReader {
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  /** Complete lines in `chunk` together with what came before. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#add(chunk.subarray(from, end));
      const whole = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      lines.push(new TextDecoder().decode(whole));
      this.#chunks = [];
      this.#bytes = 0;
      from = end + 1;
    }
    // Copied: the runtime reuses the chunk's memory after the callback.
    if (from < chunk.length) this.#add(chunk.slice(from));
    return lines;
  }

  #add(part: Uint8Array): void {
    this.#bytes += part.length;
    if (this.#bytes > MAX_LINE_BYTES) throw new RangeError(`a line is longer than ${MAX_LINE_BYTES} bytes`);
    this.#chunks.push(part);
  }
}

/** Writes everything to a Bun socket, which may take only a part at a time. */
export class LineWriter {
  #waiting: Uint8Array[] = [];
  readonly #socket: { write(data: Uint8Array): number };

  constructor(socket: { write(data: Uint8Array): number }) {
    this.#socket = socket;
  }

  send(value: unknown): void {
    this.#waiting.push(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
    this.drain();
  }

  /** Call when the socket can take more. */
  drain(): void {
    while (this.#waiting.length > 0) {
      const next = this.#waiting[0]!;
      const wrote = this.#socket.write(next);
      if (wrote < next.length) {
        if (wrote > 0) this.#waiting[0] = next.subarray(wrote);
        return;
      }
      this.#waiting.shift();
    }
  }
}
