import { closeSync, openSync, readSync, statSync } from "node:fs";
import { z } from "zod";
import { FaasmemError } from "../../src/base/errors.ts";

/** Longest header that is read: the format's own limit. */
const LONGEST_HEADER = 100_000_000;
const PART = 16 * 1024 ** 2;

const entry = z.object({
  dtype: z.string(),
  shape: z.array(z.number().int().min(0)),
  data_offsets: z.tuple([z.number().int().min(0), z.number().int().min(0)]),
});
const headerSchema = z.record(z.string(), z.union([entry, z.record(z.string(), z.string())]));

const bad = (path: string, why: string) =>
  new FaasmemError("BAD_WEIGHTS", `${path}: ${why}`, {
    fix: "give the model.safetensors of bert-base-uncased (float32), or none at all",
    kind: "usage",
  });

/** A file of tensors (https://huggingface.co/docs/safetensors: length, JSON header, data). */
export class TensorFile {
  readonly #path: string;
  readonly #fd: number;
  readonly #data: number;
  readonly #tensors = new Map<string, z.infer<typeof entry>>();

  /** @throws FaasmemError BAD_WEIGHTS */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = openSync(path, "r");
    } catch {
      throw bad(path, "cannot be read");
    }
    try {
      const size = statSync(path).size;
      const head = Buffer.alloc(8);
      readSync(this.#fd, head, 0, 8, 0);
      const length = Number(head.readBigUInt64LE());
      if (length > LONGEST_HEADER || 8 + length > size) throw bad(path, "is no safetensors file");
      const text = Buffer.alloc(length);
      readSync(this.#fd, text, 0, length, 8);
      this.#data = 8 + length;
      for (const [name, value] of Object.entries(headerSchema.parse(JSON.parse(text.toString())))) {
        const tensor = entry.safeParse(value);
        if (!tensor.success) continue; // "__metadata__"
        if (this.#data + tensor.data.data_offsets[1] > size)
          throw bad(path, `${name} lies outside of the file`);
        this.#tensors.set(name, tensor.data);
      }
    } catch (error) {
      closeSync(this.#fd);
      throw error instanceof FaasmemError ? error : bad(path, "is no safetensors file");
    }
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /**
   * Where a float32 tensor of this shape lies in the file's data.
   * @throws FaasmemError BAD_WEIGHTS when it is missing or of another kind
   */
  check(name: string, shape: number[]): number {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw bad(this.#path, `lacks ${name}`);
    const [start, end] = tensor.data_offsets;
    const bytes = shape.reduce((product, size) => product * size, 4);
    if (tensor.dtype !== "F32" || tensor.shape.join() !== shape.join() || end - start !== bytes) {
      throw bad(this.#path, `${name} is ${tensor.dtype} [${tensor.shape}], not F32 [${shape}]`);
    }
    return start;
  }

  /**
   * Reads a float32 tensor into `out`.
   * @throws FaasmemError BAD_WEIGHTS when it is missing or has another shape
   */
  read(name: string, shape: number[], out: Float32Array): void {
    const start = this.check(name, shape);
    const bytes = new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const got = readSync(this.#fd, bytes, at, Math.min(PART, bytes.length - at), this.#data + start + at);
      if (got <= 0) throw bad(this.#path, "ends too early");
      at += got;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
