/**
 * Files that travel inside the executable. Run from the sources, these are paths below build/ (made by
 * `npm run build`); in the compiled binary they are paths of its own embedded file system. Read them with
 * `Bun.file(path)`.
 */

import agentCode from "../build/agent.blob" with { type: "file" };
import bench from "../build/bench.program" with { type: "file" };
import bert from "../build/benchmarks/bert.bundle" with { type: "file" };
import chameleon from "../build/benchmarks/chameleon.bundle" with { type: "file" };
import float from "../build/benchmarks/float.bundle" with { type: "file" };
import graph from "../build/benchmarks/graph.bundle" with { type: "file" };
import gzip from "../build/benchmarks/gzip.bundle" with { type: "file" };
import image from "../build/benchmarks/image.bundle" with { type: "file" };
import json from "../build/benchmarks/json.bundle" with { type: "file" };
import linpack from "../build/benchmarks/linpack.bundle" with { type: "file" };
import matmul from "../build/benchmarks/matmul.bundle" with { type: "file" };
import pyaes from "../build/benchmarks/pyaes.bundle" with { type: "file" };
import web from "../build/benchmarks/web.bundle" with { type: "file" };
import bertMatrix from "../build/bert-matrix.so" with { type: "file" };
import host from "../build/host.bundle" with { type: "file" };
import kernel from "../build/kernel.pack" with { type: "file" };
import library from "../build/libfaasmem.so" with { type: "file" };
import agent from "../build/libfaasmem_agent.so" with { type: "file" };

export const assets = {
  /** The C library: engine, pool client and server. */
  library,
  /** The preload agent. */
  agent,
  /** The agent as it is injected into running processes. */
  agentCode,
  /** The measuring program of `faasmem bench`. */
  bench,
  /** The matrix product of `bert` (benchmarks/bert/matrix.c). */
  bertMatrix,
  /** The far-memory patch and the Fastswap sources (src/setup/kernel-files.ts). */
  kernel,
  /** The function host that a `bun` sandbox runs. */
  host,
  /** Bundled handlers of the built-in benchmark functions, by name. */
  benchmarks: {
    bert,
    chameleon,
    float,
    graph,
    gzip,
    image,
    json,
    linpack,
    matmul,
    pyaes,
    web,
  } as Record<string, string>,
};

/** Contents of what the memory engine is made of (EngineOptions of ffi/index.ts). */
export async function engineFiles(): Promise<{
  library: Uint8Array;
  agent: Uint8Array;
  agentCode: Uint8Array;
}> {
  const [library, agent, code] = await Promise.all(
    [assets.library, assets.agent, assets.agentCode].map((path) => Bun.file(path).bytes()),
  );
  return { library: library!, agent: agent!, agentCode: code! };
}
