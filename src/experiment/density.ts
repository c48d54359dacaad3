import { z } from "zod";
import { benchmarks } from "../../benchmarks/index.ts";
import { startChild } from "../base/child.ts";
import { FaasmemError } from "../base/errors.ts";
import { random } from "../base/random.ts";
import type { Documents } from "../results/documents.ts";
import { workerStats } from "../worker/worker.ts";

type Row = Documents["density"]["rows"][number];

/** Memory that is filled with sandboxes of one function. */
export const DENSITY_BUDGET = 2 * 1024 ** 3;
/** No system is asked for more: so many at least is a result, too. */
const MOST = 32;
/** Policy seconds in a real one while sandboxes settle: semi-warm ends some 160 s after a request. */
const TIME_SCALE = 60;
/** Memory that did not shrink by a hundredth in so many real seconds has settled; it is waited for at least and at most so long. */
const STABLE_S = 2;
const SETTLE_S = { least: 4, most: 30 };
/** So many sandboxes are added at once at most. */
const STEP = 8;
/** Concurrent first requests: cold starts share two cores. */
const AT_ONCE = 4;

const nodeReady = z.object({ gateway: z.string().url() });

/** Expected real seconds: estimated from one run with web. */
export const densitySeconds = (functions: number, systems: number): number => functions * systems * 45;

/**
 * How many idle, kept-alive sandboxes a memory budget really holds. Each sandbox answers two requests, then idles until
 * its policy has done what it does; sandboxes are added until the next one would not fit.
 */
export async function measureDensity(
  functions: readonly string[],
  systems: readonly string[],
  seed: number,
  signal: AbortSignal,
  onRow: (row: Row) => void,
): Promise<Documents["density"]> {
  const rows: Row[] = [];
  for (const name of functions) {
    for (const system of systems) {
      signal.throwIfAborted();
      const row = await fill(name, system, seed, signal);
      rows.push(row);
      onRow(row);
    }
  }
  return { budgetBytes: DENSITY_BUDGET, rows };
}

async function fill(name: string, system: string, seed: number, signal: AbortSignal): Promise<Row> {
  const node = await startChild(
    [
      ...["up", "--ready-json", "--port", "0", "--system", system, "--function", name, "--no-learned"],
      // Nothing may end for having idled, and as many as fit may run.
      ...["--time-scale", String(TIME_SCALE), "--keep-alive", "100000", "--max-sandboxes", String(MOST)],
      // Nothing is to be learned: all of them idle.
      ...["--semi-warm-delay", "60"],
      ...["--pool-size", "16GiB", "--window", "1"],
    ],
    (value) => nodeReady.parse(value).gateway,
  );
  const stop = () => node.process.kill("SIGTERM");
  signal.addEventListener("abort", stop);
  try {
    const next = random(seed);
    const bodies = Array.from({ length: MOST }, () => JSON.stringify(benchmarks[name]!.input(next)));
    let best: Row = { function: name, system, sandboxes: 0, localBytes: 0, remoteBytes: 0 };
    for (let wanted = 1; wanted <= MOST; ) {
      await occupy(node.ready, name, bodies.slice(0, wanted), best.sandboxes, signal);
      const levels = await settledLevels(node.ready, name, signal);
      if (levels.localBytes > DENSITY_BUDGET) break;
      best = { function: name, system, ...levels };
      const each = levels.localBytes / levels.sandboxes;
      // Far from the budget several are added at once, near it one.
      const left = Math.floor((DENSITY_BUDGET - levels.localBytes) / each);
      wanted = levels.sandboxes + Math.max(1, Math.min(STEP, Math.floor(left / 2)));
    }
    return best;
  } finally {
    signal.removeEventListener("abort", stop);
    await node.stop();
  }
}

/** Makes `bodies.length` sandboxes be there by as many requests at once; the new ones start a few at a time. */
async function occupy(
  gateway: string,
  name: string,
  bodies: readonly string[],
  there: number,
  signal: AbortSignal,
): Promise<void> {
  const all = (count: number) =>
    Promise.all(bodies.slice(0, count).map((body) => post(`${gateway}/function/${name}`, body, signal)));
  for (let count = there; count < bodies.length; ) {
    count = Math.min(bodies.length, count + AT_ONCE);
    await all(count);
  }
  await all(bodies.length);
}

async function post(url: string, body: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, { method: "POST", body, signal });
  const text = await response.text();
  if (response.ok) return;
  throw new FaasmemError(
    "CELL_FAILED",
    `a request failed while sandboxes were added: ${text.slice(0, 300)}`,
    {
      fix: "run the function by hand: faasmem function invoke",
    },
  );
}

async function settledLevels(
  gateway: string,
  name: string,
  signal: AbortSignal,
): Promise<Omit<Row, "function" | "system">> {
  await Bun.sleep(SETTLE_S.least * 1000);
  let levels = await levelsOf(gateway, name);
  for (let passed: number = SETTLE_S.least; passed < SETTLE_S.most; passed += STABLE_S) {
    signal.throwIfAborted();
    const before = levels.localBytes;
    await Bun.sleep(STABLE_S * 1000);
    levels = await levelsOf(gateway, name);
    if (levels.localBytes > before * 0.99) break;
  }
  return levels;
}

async function levelsOf(gateway: string, name: string): Promise<Omit<Row, "function" | "system">> {
  const stats = workerStats.parse(await (await fetch(`${gateway}/stats`)).json());
  const { sandboxes, localBytes, remoteBytes } = stats.functions.find((fn) => fn.name === name)!;
  return { sandboxes, localBytes, remoteBytes };
}
