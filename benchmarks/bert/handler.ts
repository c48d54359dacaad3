import { readFileSync } from "node:fs";
import { BERT_BASE } from "./config.ts";
import { BertEncoder } from "./encoder.ts";
import { nativeLinear } from "./native.ts";
import { TensorFile } from "./safetensors.ts";
import { generateVocabulary, SPECIAL, WordPiece } from "./tokenizer.ts";

const LONGEST = 64;
const { FAASMEM_BERT_WEIGHTS, FAASMEM_BERT_LIBRARY, FAASMEM_BERT_VOCABULARY } = process.env;
if (!FAASMEM_BERT_WEIGHTS || !FAASMEM_BERT_LIBRARY) {
  throw new Error("bert needs its weights: deploy it with faasmem");
}
const file = new TensorFile(FAASMEM_BERT_WEIGHTS);
const encoder = new BertEncoder(file, BERT_BASE, nativeLinear(FAASMEM_BERT_LIBRARY));
file.close();
const tokenizer = new WordPiece(
  FAASMEM_BERT_VOCABULARY
    ? readFileSync(FAASMEM_BERT_VOCABULARY, "utf8").split(/\r?\n/)
    : generateVocabulary(BERT_BASE.vocabulary),
);

/** Runs the encoder over the text and a [MASK]; answers with the beginning of the mask's hidden state. */
export function handler(context: unknown): { tokens: number[]; mask: number[]; norm: number } {
  const text = (context as { input_en?: unknown }).input_en ?? "the memory of the sand";
  if (typeof text !== "string" || text.length > 10_000) throw new RangeError("input_en must be a text");
  const tokens = tokenizer.encode(`${text} [MASK]`, LONGEST);
  const hidden = encoder.forward(tokens);
  const at = Math.max(0, tokens.indexOf(SPECIAL["[MASK]"])) * BERT_BASE.hidden;
  const mask = hidden.subarray(at, at + BERT_BASE.hidden);
  return { tokens, mask: [...mask.subarray(0, 8)], norm: Math.hypot(...mask) };
}
