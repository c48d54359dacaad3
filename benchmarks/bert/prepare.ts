import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FaasmemError } from "../../src/base/errors.ts";
import { dataFolder } from "../../src/base/paths.ts";
import { BERT_BASE, tensorShapes } from "./config.ts";
import { nameIn } from "./encoder.ts";
import { generateWeights } from "./generate.ts";
import { TensorFile } from "./safetensors.ts";

/** Of the weights that are generated where none are given. */
export const WEIGHTS_SEED = 2024;

/** The user's own checkpoint, if any. */
export interface BertFiles {
  weights?: string | undefined;
  vocabulary?: string | undefined;
}

/**
 * Puts the function's shared library in place and gives the environment that tells where everything is.
 *
 * @param library content of the shared library of matrix.c
 * @param folder private folder of the node
 */
export function prepareBert(
  library: Uint8Array,
  folder: string,
  files: BertFiles & { weights: string },
): Record<string, string> {
  const path = join(folder, "bert-matrix.so");
  writeFileSync(path, library, { mode: 0o600 });
  chmodSync(path, 0o600);
  return {
    FAASMEM_BERT_LIBRARY: path,
    FAASMEM_BERT_WEIGHTS: files.weights,
    ...(files.vocabulary ? { FAASMEM_BERT_VOCABULARY: files.vocabulary } : {}),
  };
}

/** Where generated weights are kept. */
export const weightsPath = (): string =>
  join(dataFolder(), "cache", `bert-base-seed${WEIGHTS_SEED}.safetensors`);

/**
 * Makes the generated weights (438 MB, some seconds) unless they are there. Returns their path.
 * @throws FaasmemError NO_WEIGHTS
 */
export function ensureWeights(): string {
  const path = weightsPath();
  if (existsSync(path)) return path;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    generateWeights(path, BERT_BASE, WEIGHTS_SEED);
  } catch (cause) {
    throw new FaasmemError(
      "NO_WEIGHTS",
      `the weights of bert cannot be generated: ${(cause as Error).message}`,
      {
        fix: `440 MB must be free in ${dirname(path)} (or set FAASMEM_HOME to another folder), or give a checkpoint with --weights`,
        cause,
      },
    );
  }
  return path;
}

/**
 * Checks the user's own checkpoint.
 * @throws FaasmemError BAD_WEIGHTS
 */
export function checkWeights(path: string): void {
  const file = new TensorFile(path);
  try {
    for (const [name, shape] of tensorShapes(BERT_BASE)) file.check(nameIn(file, name), shape);
  } finally {
    file.close();
  }
}
