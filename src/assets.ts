/**
 * Files that travel inside the executable. Run from the sources, these are paths below build/ (made by
 * `npm run build`); in the compiled binary they are paths of its own embedded file system. Read them with
 * `Bun.file(path)`.
 */

import bench from "../build/bench.program" with { type: "file" };
import graph from "../build/benchmarks/graph.bundle" with { type: "file" };
import json from "../build/benchmarks/json.bundle" with { type: "file" };
import web from "../build/benchmarks/web.bundle" with { type: "file" };
import host from "../build/host.bundle" with { type: "file" };
import library from "../build/libfaasmem.so" with { type: "file" };
import agent from "../build/libfaasmem_agent.so" with { type: "file" };

export const assets = {
  /** The C library: engine, pool client and server. */
  library,
  /** The preload agent. */
  agent,
  /** The measuring program of `faasmem bench`. */
  bench,
  /** The function host that a `bun` sandbox runs. */
  host,
  /** Bundled handlers of the built-in benchmark functions, by name. */
  benchmarks: { web, json, graph } as Record<string, string>,
};
