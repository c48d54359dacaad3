import { createReadStream } from "node:fs";
import { FaasmemError } from "../base/errors.ts";

/** A line of the widest file, 1440 counts, has some ten thousand characters. */
const LONGEST = 16 * 1024 ** 2;

/** Chunks of a file. @param onBytes gets the number of bytes read so far */
export async function* chunksOf(path: string, onBytes?: (bytes: number) => void): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    yield chunk as Buffer;
    bytes += (chunk as Buffer).length;
    onBytes?.(bytes);
  }
}

/**
 * Calls `take` with each line, without its end and a byte order mark before the first.
 *
 * @param onChunk gets the raw bytes, for sums
 * @throws FaasmemError BAD_TRACE for a line without end, as binary files have them
 */
export async function eachLine(
  path: string,
  take: (line: string) => void,
  options: { onBytes?: ((bytes: number) => void) | undefined; onChunk?: (chunk: Buffer) => void } = {},
): Promise<void> {
  const decoder = new TextDecoder(); // leaves out the mark
  let rest = "";
  for await (const chunk of chunksOf(path, options.onBytes)) {
    options.onChunk?.(chunk);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    if (rest.length > LONGEST) {
      throw new FaasmemError("BAD_TRACE", `${path} has a line of more than ${LONGEST} characters`, {
        fix: "give a text file: if this is an archive, unpack it first",
      });
    }
    for (const line of lines) take(line.endsWith("\r") ? line.slice(0, -1) : line);
  }
  rest += decoder.decode();
  if (rest !== "") take(rest.endsWith("\r") ? rest.slice(0, -1) : rest);
}
