import { random } from "../src/base/random.ts";
import bert from "./bert/function.json";
import { input as bertInput } from "./bert/input.ts";
import chameleon from "./chameleon/function.json";
import { input as chameleonInput } from "./chameleon/input.ts";
import float from "./float/function.json";
import { input as floatInput } from "./float/input.ts";
import graph from "./graph/function.json";
import { input as graphInput } from "./graph/input.ts";
import gzip from "./gzip/function.json";
import { input as gzipInput } from "./gzip/input.ts";
import image from "./image/function.json";
import { input as imageInput } from "./image/input.ts";
import json from "./json/function.json";
import { input as jsonInput } from "./json/input.ts";
import linpack from "./linpack/function.json";
import { input as linpackInput } from "./linpack/input.ts";
import matmul from "./matmul/function.json";
import { input as matmulInput } from "./matmul/input.ts";
import pyaes from "./pyaes/function.json";
import { input as pyaesInput } from "./pyaes/input.ts";
import web from "./web/function.json";
import { input as webInput } from "./web/input.ts";

/** A built-in function: its declaration and how its requests are drawn. */
export interface Benchmark {
  name: string;
  /** Memory quota in MiB and CPU share (reference, section 3). */
  quotaMiB: number;
  cpu: number;
  /** Requests of the Init Pucket's window (artifact: bert 8, web 32, graph 4, others 1). */
  initWindow: number;
  /** The context of one request, drawn with the given generator. */
  input: (random: () => number) => unknown;
}

/** In the order of the reference. */
export const benchmarks: Record<string, Benchmark> = {
  bert: { ...bert, input: bertInput },
  graph: { ...graph, input: graphInput },
  web: { ...web, input: webInput },
  float: { ...float, input: floatInput },
  matmul: { ...matmul, input: matmulInput },
  linpack: { ...linpack, input: linpackInput },
  image: { ...image, input: imageInput },
  chameleon: { ...chameleon, input: chameleonInput },
  pyaes: { ...pyaes, input: pyaesInput },
  gzip: { ...gzip, input: gzipInput },
  json: { ...json, input: jsonInput },
};

/**
 * The contexts of a function's requests, one after the other: the same for the same seed, so that a simulation has those of the replay.
 * @returns what makes the next one; null for a function that is not built in
 */
export function contextsOf(name: string, seed: number): () => unknown {
  const next = random(seed);
  return () => benchmarks[name]?.input(next) ?? null;
}
