import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { type BertConfig, elements, tensorShapes } from "./config.ts";

/** Standard deviation of a fresh BERT's weights (initializer_range). */
const DEVIATION = 0.02;
const PART = 1 << 20;

/**
 * Fills with numbers of mean 0 and the given deviation, uniform, from a 32-bit xorshift: the cost and the sizes of a forward pass do
 * not depend on the distribution. Returns the generator's state.
 */
function fill(out: Float32Array, length: number, state: number): number {
  const scale = (DEVIATION * Math.sqrt(12)) / 2 ** 32;
  let x = state;
  for (let i = 0; i < length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    out[i] = x * scale;
  }
  return x;
}

/**
 * Writes weights that are generated from a seed as a safetensors file. The file appears when it is whole.
 * @throws the file system's error (ENOSPC, EACCES, ...)
 */
export function generateWeights(path: string, config: BertConfig, seed: number): void {
  const header: Record<string, unknown> = { __metadata__: { generator: "faasmem", seed: String(seed) } };
  let at = 0;
  for (const [name, shape] of tensorShapes(config)) {
    const bytes = elements(shape) * 4;
    header[`bert.${name}`] = { dtype: "F32", shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const unfinished = `${path}.${process.pid}`;
  const fd = openSync(unfinished, "wx", 0o600);
  try {
    writeSync(fd, length);
    writeSync(fd, padded);
    const part = new Float32Array(PART);
    let state = seed | 1;
    for (const [name, shape] of tensorShapes(config)) {
      for (let left = elements(shape); left > 0; ) {
        const count = Math.min(left, PART);
        if (name.endsWith("gamma")) part.fill(1, 0, count);
        else if (name.endsWith("beta") || name.endsWith("bias")) part.fill(0, 0, count);
        else state = fill(part, count, state);
        writeAll(fd, new Uint8Array(part.buffer, 0, count * 4));
        left -= count;
      }
    }
    fsyncSync(fd);
    closeSync(fd);
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
