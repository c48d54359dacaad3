import { type BertConfig, elements, tensorShapes } from "./config.ts";
import type { TensorFile } from "./safetensors.ts";

const LAYER_NORM_EPSILON = 1e-12;

/** y (rows x out) = x (rows x in) W' + b. */
export type Linear = (
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
  y: Float32Array,
  rows: number,
  input: number,
  out: number,
) => void;

/** The published file calls scale and shift of a norm gamma and beta, newer ones weight and bias. */
export function nameIn(file: TensorFile, name: string): string {
  const modern = name.replace(/gamma$/, "weight").replace(/beta$/, "bias");
  return [`bert.${name}`, `bert.${modern}`, name, modern].find((one) => file.has(one)) ?? `bert.${name}`;
}

/** erf, Abramowitz and Stegun 7.1.26: wrong by at most 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const y =
    1 -
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) *
      t *
      Math.exp(-x * x);
  return x < 0 ? -y : y;
}

function gelu(x: Float32Array): void {
  for (let i = 0; i < x.length; i++) x[i] = x[i]! * 0.5 * (1 + erf(x[i]! * Math.SQRT1_2));
}

/** The encoder of BERT (Devlin et al., 2018): post-norm transformer layers. */
export class BertEncoder {
  readonly #config: BertConfig;
  readonly #linear: Linear;
  readonly #tensors = new Map<string, Float32Array>();

  /**
   * Reads all weights into memory.
   * @throws FaasmemError BAD_WEIGHTS
   */
  constructor(file: TensorFile, config: BertConfig, linear: Linear) {
    this.#config = config;
    this.#linear = linear;
    for (const [name, shape] of tensorShapes(config)) {
      const tensor = new Float32Array(elements(shape));
      file.read(nameIn(file, name), shape, tensor);
      this.#tensors.set(name, tensor);
    }
  }

  #tensor(name: string): Float32Array {
    return this.#tensors.get(name)!;
  }

  #apply(name: string, x: Float32Array, rows: number, input: number, out: number): Float32Array {
    const y = new Float32Array(rows * out);
    this.#linear(x, this.#tensor(`${name}.weight`), this.#tensor(`${name}.bias`), y, rows, input, out);
    return y;
  }

  #normalise(name: string, x: Float32Array): void {
    const { hidden } = this.#config;
    const [gamma, beta] = [this.#tensor(`${name}.LayerNorm.gamma`), this.#tensor(`${name}.LayerNorm.beta`)];
    for (let row = 0; row < x.length; row += hidden) {
      let [mean, variance] = [0, 0];
      for (let i = 0; i < hidden; i++) mean += x[row + i]!;
      mean /= hidden;
      for (let i = 0; i < hidden; i++) variance += (x[row + i]! - mean) ** 2;
      const scale = 1 / Math.sqrt(variance / hidden + LAYER_NORM_EPSILON);
      for (let i = 0; i < hidden; i++) x[row + i] = (x[row + i]! - mean) * scale * gamma[i]! + beta[i]!;
    }
  }

  #embed(ids: readonly number[]): Float32Array {
    const { hidden } = this.#config;
    const x = new Float32Array(ids.length * hidden);
    const [words, positions, types] = ["word", "position", "token_type"].map((name) =>
      this.#tensor(`embeddings.${name}_embeddings.weight`),
    ) as [Float32Array, Float32Array, Float32Array];
    for (const [row, id] of ids.entries()) {
      for (let i = 0; i < hidden; i++)
        x[row * hidden + i] = words[id * hidden + i]! + positions[row * hidden + i]! + types[i]!;
    }
    this.#normalise("embeddings", x);
    return x;
  }

  #attend(layer: string, x: Float32Array, rows: number): Float32Array {
    const { hidden, heads } = this.#config;
    const size = hidden / heads;
    const [query, key, value] = ["query", "key", "value"].map((name) =>
      this.#apply(`${layer}.attention.self.${name}`, x, rows, hidden, hidden),
    ) as [Float32Array, Float32Array, Float32Array];
    const mixed = new Float32Array(rows * hidden);
    const weights = new Float64Array(rows);
    for (let head = 0; head < hidden; head += size) {
      for (let row = 0; row < rows; row++) {
        let [most, total] = [Number.NEGATIVE_INFINITY, 0];
        for (let other = 0; other < rows; other++) {
          let score = 0;
          for (let i = head; i < head + size; i++)
            score += query[row * hidden + i]! * key[other * hidden + i]!;
          weights[other] = score / Math.sqrt(size);
          most = Math.max(most, weights[other]!);
        }
        for (let other = 0; other < rows; other++) total += weights[other] = Math.exp(weights[other]! - most);
        for (let other = 0; other < rows; other++) {
          const weight = weights[other]! / total;
          for (let i = head; i < head + size; i++)
            mixed[row * hidden + i]! += weight * value[other * hidden + i]!;
        }
      }
    }
    return this.#apply(`${layer}.attention.output.dense`, mixed, rows, hidden, hidden);
  }

  /** Hidden states (tokens x hidden) of the last layer. */
  forward(ids: readonly number[]): Float32Array {
    const { hidden, feedForward, layers } = this.#config;
    const rows = ids.length;
    let x = this.#embed(ids);
    const addNormalised = (name: string, y: Float32Array) => {
      for (let i = 0; i < y.length; i++) y[i]! += x[i]!;
      this.#normalise(name, y);
      x = y;
    };
    for (let i = 0; i < layers; i++) {
      const layer = `encoder.layer.${i}`;
      addNormalised(`${layer}.attention.output`, this.#attend(layer, x, rows));
      const inner = this.#apply(`${layer}.intermediate.dense`, x, rows, hidden, feedForward);
      gelu(inner);
      addNormalised(
        `${layer}.output`,
        this.#apply(`${layer}.output.dense`, inner, rows, feedForward, hidden),
      );
    }
    return x;
  }
}
