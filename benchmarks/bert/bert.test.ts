import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random } from "../../src/base/random.ts";
import { BERT_BASE, type BertConfig, elements, tensorShapes } from "./config.ts";
import { BertEncoder } from "./encoder.ts";
import { generateWeights } from "./generate.ts";
import { input } from "./input.ts";
import { nativeLinear } from "./native.ts";
import { TensorFile } from "./safetensors.ts";
import { generateVocabulary, SPECIAL, WordPiece } from "./tokenizer.ts";

const folder = mkdtempSync(join(tmpdir(), "faasmem-bert-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const library = new URL("../../build/bert-matrix.so", import.meta.url).pathname;
const linear = nativeLinear(library);
const small: BertConfig = {
  layers: 3,
  hidden: 48,
  heads: 4,
  feedForward: 100,
  vocabulary: 200,
  positions: 32,
  types: 2,
};
const ids = [101, 7, 199, 33, 103, 102];

/** A safetensors file in which nothing is zero or one. */
function writeTensors(config: BertConfig): string {
  const next = random(11);
  const header: Record<string, unknown> = {};
  const parts: Float32Array[] = [];
  let at = 0;
  for (const [name, shape] of tensorShapes(config)) {
    const values = Float32Array.from({ length: elements(shape) }, () => (next() - 0.5) * 0.6);
    if (name.endsWith("gamma")) for (let i = 0; i < values.length; i++) values[i]! += 1;
    header[`bert.${name}`] = { dtype: "F32", shape, data_offsets: [at, at + values.byteLength] };
    at += values.byteLength;
    parts.push(values);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const path = join(folder, "small.safetensors");
  writeFileSync(path, Buffer.concat([length, text, ...parts.map((part) => Buffer.from(part.buffer))]));
  return path;
}

/** Debian's PyTorch, if it is there. */
function torchStates(path: string, config: BertConfig, tokens: number[]): number[][] | undefined {
  const script = new URL("./reference.py", import.meta.url).pathname;
  for (const python of ["/usr/bin/python3", "python3"]) {
    if (!Bun.which(python) || !Bun.spawnSync([python, "-c", "import torch"]).success) continue;
    const done = Bun.spawnSync([python, script, path, JSON.stringify(config), JSON.stringify(tokens)]);
    if (!done.success) throw new Error(done.stderr.toString());
    return JSON.parse(done.stdout.toString());
  }
  console.log("not verified here: no python3 with torch (Debian: python3-torch)");
  return undefined;
}

/** Largest difference between hidden states and what they should be. */
function difference(states: Float32Array, wanted: number[][]): number {
  expect(states.length).toBe(wanted.flat().length);
  return Math.max(...wanted.flat().map((value, i) => Math.abs(value - states[i]!)));
}

test("the matrix product is what it is by definition, in wide and in portable instructions", () => {
  const next = random(3);
  for (const [rows, input_, out] of [
    [1, 8, 3],
    [4, 64, 10],
    [7, 13, 5],
    [9, 100, 31],
  ] as const) {
    const [x, w, b] = [rows * input_, out * input_, out].map((length) =>
      Float32Array.from({ length }, () => next() - 0.5),
    ) as [Float32Array, Float32Array, Float32Array];
    for (const multiply of [linear, nativeLinear(library, true)]) {
      const y = new Float32Array(rows * out);
      multiply(x, w, b, y, rows, input_, out);
      for (let r = 0; r < rows; r++) {
        for (let o = 0; o < out; o++) {
          let want = b[o]!;
          for (let i = 0; i < input_; i++) want += x[r * input_ + i]! * w[o * input_ + i]!;
          expect(y[r * out + o]).toBeCloseTo(want, 5);
        }
      }
    }
  }
});

test("a small encoder agrees with a plain one in doubles, written from the paper", () => {
  const path = writeTensors(small);
  const file = new TensorFile(path);
  const t = (name: string) => {
    const shape = tensorShapes(small).find(([other]) => other === name)![1];
    const out = new Float32Array(elements(shape));
    file.read(`bert.${name}`, shape, out);
    return [...out];
  };
  const { hidden, heads, layers } = small;
  const dense = (x: number[][], name: string) => {
    const [w, b] = [t(`${name}.weight`), t(`${name}.bias`)];
    return x.map((row) =>
      b.map((bias, o) => row.reduce((sum, value, i) => sum + value * w[o * row.length + i]!, bias)),
    );
  };
  const norm = (x: number[][], name: string) => {
    const [g, b] = [t(`${name}.LayerNorm.gamma`), t(`${name}.LayerNorm.beta`)];
    return x.map((row) => {
      const mean = row.reduce((sum, value) => sum + value, 0) / hidden;
      const deviation = Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / hidden);
      return row.map((value, i) => ((value - mean) / deviation) * g[i]! + b[i]!);
    });
  };
  const plus = (x: number[][], y: number[][]) => x.map((row, r) => row.map((value, i) => value + y[r]![i]!));
  // erf by its series: slow, and independent of the one under test.
  const erf = (x: number) => {
    let [term, sum] = [x, x];
    for (let n = 1; n < 80; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  };
  const [words, positions, types] = ["word", "position", "token_type"].map((name) =>
    t(`embeddings.${name}_embeddings.weight`),
  ) as [number[], number[], number[]];
  let x = norm(
    ids.map((id, r) =>
      Array.from(
        { length: hidden },
        (_, i) => words[id * hidden + i]! + positions[r * hidden + i]! + types[i]!,
      ),
    ),
    "embeddings",
  );
  for (let l = 0; l < layers; l++) {
    const layer = `encoder.layer.${l}`;
    const [q, k, v] = ["query", "key", "value"].map((name) =>
      dense(x, `${layer}.attention.self.${name}`),
    ) as [number[][], number[][], number[][]];
    const mixed = q.map((query) =>
      Array.from({ length: hidden }, (_, column) => {
        const head = Math.floor(column / (hidden / heads)) * (hidden / heads);
        const scores = k.map((key) => {
          let score = 0;
          for (let i = head; i < head + hidden / heads; i++) score += query[i]! * key[i]!;
          return Math.exp(score / Math.sqrt(hidden / heads));
        });
        const total = scores.reduce((sum, value) => sum + value, 0);
        return scores.reduce((sum, score, other) => sum + (score / total) * v[other]![column]!, 0);
      }),
    );
    x = norm(plus(dense(mixed, `${layer}.attention.output.dense`), x), `${layer}.attention.output`);
    const inner = dense(x, `${layer}.intermediate.dense`).map((row) =>
      row.map((value) => (value / 2) * (1 + erf(value / Math.SQRT2))),
    );
    x = norm(plus(dense(inner, `${layer}.output.dense`), x), `${layer}.output`);
  }
  const states = new BertEncoder(file, small, linear).forward(ids);
  file.close();
  expect(difference(states, x)).toBeLessThan(1e-4);
});

test("small and full size agree with PyTorch's own encoder layers to 1e-4", () => {
  const small_ = writeTensors(small);
  const wanted = torchStates(small_, small, ids);
  if (!wanted) return;
  expect(
    difference(new BertEncoder(new TensorFile(small_), small, linear).forward(ids), wanted),
  ).toBeLessThan(1e-4);
  const base = join(folder, "base.safetensors");
  generateWeights(base, BERT_BASE, 5);
  const tokens = [101, 2023, 2003, 1037, 103, 30521, 102];
  const encoder = new BertEncoder(new TensorFile(base), BERT_BASE, linear);
  expect(difference(encoder.forward(tokens), torchStates(base, BERT_BASE, tokens)!)).toBeLessThan(1e-4);
}, 180_000);

test("words are split into the longest pieces of the vocabulary", () => {
  const vocabulary = generateVocabulary(BERT_BASE.vocabulary);
  expect(new Set(vocabulary).size).toBe(BERT_BASE.vocabulary);
  for (const [token, id] of Object.entries(SPECIAL)) expect(vocabulary[id]).toBe(token);
  const pieces = ["un", "##aff", "##able", "the", ",", "##s", "cat"];
  const tokens = Array.from({ length: 110 }, (_, id) => vocabulary[id]!).concat(pieces);
  const text = (list: string[]) => list.map((token) => tokens.indexOf(token));
  const tokenizer = new WordPiece(tokens);
  expect(tokenizer.encode("Unaffable, thé CATS [MASK] xyzzy", 64)).toEqual(
    text(["[CLS]", "un", "##aff", "##able", ",", "the", "cat", "##s", "[MASK]", "[UNK]", "[SEP]"]),
  );
  expect(tokenizer.encode("the the the the", 4)).toEqual(text(["[CLS]", "the", "the", "[SEP]"]));
});

test("weights of another kind are refused with a reason", () => {
  const path = join(folder, "bad.safetensors");
  for (const bytes of [Buffer.alloc(3), Buffer.from("\xff".repeat(40), "latin1"), Buffer.alloc(64)]) {
    writeFileSync(path, bytes);
    expect(() => new TensorFile(path)).toThrow("no safetensors file");
  }
  expect(() => new TensorFile(join(folder, "absent"))).toThrow("cannot be read");
  const file = new TensorFile(writeTensors(small));
  expect(() => new BertEncoder(file, { ...small, hidden: 52 }, linear)).toThrow("not F32");
  expect(() => new BertEncoder(file, { ...small, layers: 4 }, linear)).toThrow("lacks");
});

test("requests are slices of 20 characters", () => {
  const next = random(1);
  const texts = Array.from({ length: 50 }, () => input(next).input_en);
  expect(texts.every((text) => text.length === 20)).toBe(true);
  expect(new Set(texts).size).toBeGreaterThan(40);
});
