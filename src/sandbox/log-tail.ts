const KEPT_BYTES = 64 * 1024;

/** Reads a stream to its end and keeps the last 64 KiB, so that a chatty function cannot fill the worker. */
export class LogTail {
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(...streams: ReadableStream<Uint8Array>[]) {
    for (const stream of streams) this.#read(stream).catch(() => {});
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      this.#chunks.push(chunk.slice());
      this.#bytes += chunk.length;
      while (this.#bytes - this.#chunks[0]!.length > KEPT_BYTES) this.#bytes -= this.#chunks.shift()!.length;
    }
  }

  /** The last lines, for a message; empty when nothing was printed. */
  last(lines = 10): string {
    return Buffer.concat(this.#chunks).toString("utf8").trimEnd().split("\n").slice(-lines).join("\n");
  }
}
