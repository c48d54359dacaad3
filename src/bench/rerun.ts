import { z } from "zod";
import { median } from "../base/quantile.ts";
import type { MemoryEngine } from "../sandbox/attachment.ts";
import { BenchProgram, ready } from "./program.ts";
import type { BenchResult } from "./result.ts";

const ROUNDS = 5;
const answered = z.object({ ms: z.number(), answer: z.string() });

/** 200 MiB of numbers and 300,000 small objects, about 254 MiB resident. */
const PYTHON = `
import hashlib, json, sys, time
import numpy
numbers = numpy.arange(200 * 2**20 // 8, dtype=numpy.float64) * 0.5
table = {"key %d" % i: "value of key %d" % i for i in range(300_000)}
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    started = time.perf_counter()
    total = int(hashlib.blake2b(numbers).hexdigest()[:15], 16)
    for key, value in table.items():
        total = (total * 31 + len(key) + ord(value[-1])) % 1000000007
    took = (time.perf_counter() - started) * 1000
    print(json.dumps({"ms": took, "answer": str(total)}), flush=True)
`;

/** The interpreter that has numpy; undefined when none has. */
function pythonWithNumpy(): string | undefined {
  for (const command of ["python3", "/usr/bin/python3"]) {
    try {
      // The interpreter itself: version managers put a script in its place.
      const found = Bun.spawnSync([command, "-c", "import sys, numpy; print(sys.executable)"], {
        stderr: "ignore",
      });
      if (found.success) return found.stdout.toString().trim();
    } catch {
      // not installed
    }
  }
  return undefined;
}

/**
 * Runs a program again whose memory has left wholly: by demand paging, and with the recorded working set
 * prefetched while it starts. The answer must be the same each time.
 */
export async function measureRerun(engine: MemoryEngine, notes: string[]): Promise<BenchResult["rerun"]> {
  const python = pythonWithNumpy();
  if (!python) notes.push("rerun: no python3 with numpy here; a C program of the same shape ran instead");
  const program = python
    ? await BenchProgram.run([python, "-c", PYTHON], engine)
    : await BenchProgram.start(["rerun"], engine);
  try {
    const space = program.space!;
    await program.ask(ready);
    const first = await program.ask(answered, "run");
    const run = async () => {
      const started = performance.now();
      const { answer } = await program.ask(answered, "run");
      if (answer !== first.answer) throw new Error(`rerun: another answer: ${answer}, not ${first.answer}`);
      return performance.now() - started;
    };
    const evictAll = async () => {
      const pages = await space.snapshot();
      await space.evict(pages);
      return pages.pages;
    };
    const [warm, demand, recall]: [number[], number[], number[]] = [[], [], []];
    let resident = 0;
    for (let round = 0; round < ROUNDS; round++) {
      warm.push(await run());
      resident = await evictAll();
      await space.takeRecalled();
      demand.push(await run());
      const recorded = await space.takeRecalled();
      await evictAll();
      const prefetched = space.prefetch(recorded);
      recall.push(await run());
      await prefetched;
    }
    return {
      program: python ? "python3 + numpy" : "C program of the same shape",
      residentMiB: resident / 256,
      warmMs: median(warm),
      demandMs: median(demand),
      recallMs: median(recall),
    };
  } finally {
    await program.stop();
  }
}
