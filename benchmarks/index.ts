import graph from "./graph/function.json";
import { input as graphInput } from "./graph/input.ts";
import json from "./json/function.json";
import { input as jsonInput } from "./json/input.ts";
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

export const benchmarks: Record<string, Benchmark> = {
  web: { ...web, input: webInput },
  json: { ...json, input: jsonInput },
  graph: { ...graph, input: graphInput },
};
