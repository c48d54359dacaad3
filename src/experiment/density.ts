import { z } from "zod";
import { contextsOf } from "../../benchmarks/index.ts";
import { startChild } from "../base/child.ts";
import { FaasmemError } from "../base/errors.ts";
import { DENSITY_MOST, type Documents } from "../results/documents.ts";
import { functionNode } from "../simulator/function-node.ts";
import type { SimulatorInputs } from "../simulator/inputs.ts";
import { workerStats } from "../worker/worker.ts";
import type { Mode } from "./plan.ts";

type Row = Documents["density"]["rows"][number];

/** Memory that is filled with sandboxes of one function. */
export const DENSITY_BUDGET = 2 * 1024 ** 3;
/** Policy seconds in a real one while sandboxes settle: semi-warm ends some 160 s after a request. */
const TIME_SCALE = 60;
const KEEP_ALIVE_S = 100_000;
const SEMI_WARM_DELAY_S = 60;
/** Memory that did not shrink by a hundredth in so many real seconds has settled; it is waited for at least and at most so long. */
const STABLE_S = 2;
const SETTLE_S = { least: 4, most: 30 };
/** So many sandboxes are added at once at most. */
const STEP = 8;
/** Concurrent first requests: cold starts share two cores. */
const AT_ONCE = 4;

const nodeReady = z.object({ gateway: z.string().url() });

/** Expected real seconds of one filling: estimated from one run with web. */
export const FILLING_S = { replay: 45, simulate: 0.3 } satisfies Record<Mode, number>;

type Levels = Omit<Row, "function" | "system">;

/** A node with one function, whose sandboxes never end for having idled. */
interface FillableNode {
  /** Answers so many requests at once: so many sandboxes are there afterwards. */
  answer(count: number): Promise<void>;
  /** What is held when all have idled until their policy has done what it does. */
  settled(): Promise<Levels>;
  stop(): Promise<unknown>;
}

/** Makes a node for a function under a system. */
export type NodeMaker = (name: string, system: string) => Promise<FillableNode>;

/**
 * How many idle, kept-alive sandboxes a memory budget holds. Each sandbox answers two requests, then idles until
 * its policy has done what it does; sandboxes are added until the next one would not fit.
 *
 * @param start of real nodes or simulated ones
 */
export async function measureDensity(
  functions: readonly string[],
  systems: readonly string[],
  start: NodeMaker,
  signal: AbortSignal,
  onRow: (row: Row) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of functions) {
    for (const system of systems) {
      signal.throwIfAborted();
      const row = { function: name, system, ...(await fill(() => start(name, system))) };
      rows.push(row);
      onRow(row);
    }
  }
  return rows;
}

/** Several are added at once far from the budget; where that was too many, a new node takes what fitted, and one more at a time. */
async function fill(start: () => Promise<FillableNode>): Promise<Levels> {
  const nothing: Levels = { sandboxes: 0, localBytes: 0, remoteBytes: 0 };
  const coarse = await fillBy(start, nothing, STEP);
  return coarse.tried > coarse.best.sandboxes + 1 ? (await fillBy(start, coarse.best, 1)).best : coarse.best;
}

/**
 * @param best what is known to fit
 * @returns the most that fitted, and how many did not
 */
async function fillBy(
  start: () => Promise<FillableNode>,
  best: Levels,
  step: number,
): Promise<{ best: Levels; tried: number }> {
  const node = await start();
  try {
    return await fillNode(node, best, step);
  } finally {
    await node.stop();
  }
}

async function fillNode(
  node: FillableNode,
  best: Levels,
  step: number,
): Promise<{ best: Levels; tried: number }> {
  let there = 0;
  for (let wanted = best.sandboxes + 1; best.sandboxes < DENSITY_MOST; ) {
    // The new ones start a few at a time.
    for (let count = there; count < wanted; ) {
      count = Math.min(wanted, count + AT_ONCE);
      await node.answer(count);
    }
    await node.answer(wanted);
    const levels = await node.settled();
    if (levels.localBytes > DENSITY_BUDGET) return { best, tried: wanted };
    best = levels;
    there = levels.sandboxes;
    const left = Math.floor((DENSITY_BUDGET - levels.localBytes) / (levels.localBytes / there));
    wanted = Math.min(DENSITY_MOST, there + Math.max(1, Math.min(step, there, Math.floor(left / 2))));
  }
  return { best, tried: best.sandboxes };
}

/** Nodes that really run. */
export function realNodes(seed: number, signal: AbortSignal): NodeMaker {
  return async (name, system) => {
    const node = await startChild(
      [
        ...["up", "--ready-json", "--port", "0", "--system", system, "--function", name, "--no-learned"],
        // Nothing may end for having idled, and as many as fit may run.
        ...["--time-scale", String(TIME_SCALE), "--keep-alive", String(KEEP_ALIVE_S)],
        // Nothing is to be learned: all of them idle.
        ...["--semi-warm-delay", String(SEMI_WARM_DELAY_S), "--max-sandboxes", String(DENSITY_MOST)],
        ...["--pool-size", "16GiB", "--window", "1"],
      ],
      (value) => nodeReady.parse(value).gateway,
    );
    const stop = () => node.process.kill("SIGTERM");
    signal.addEventListener("abort", stop);
    const context = contextsOf(name, seed);
    const bodies = Array.from({ length: DENSITY_MOST }, () => JSON.stringify(context()));
    return {
      answer: async (count) => {
        await Promise.all(
          bodies.slice(0, count).map((body) => post(`${node.ready}/function/${name}`, body, signal)),
        );
      },
      settled: () => settledLevels(node.ready, name, signal),
      stop: () => {
        signal.removeEventListener("abort", stop);
        return node.stop();
      },
    };
  };
}

/** Nodes that are calculated from profiles of this machine. */
export function simulatedNodes(inputs: SimulatorInputs, seed: number, signal: AbortSignal): NodeMaker {
  return async (name, system) => {
    const settings = { keepAliveS: KEEP_ALIVE_S, semiWarmDelayS: SEMI_WARM_DELAY_S, initWindow: 1 };
    const { clock, node, pool } = await functionNode(
      { name, system, timeScale: TIME_SCALE, seed, settings, maxSandboxes: DENSITY_MOST },
      inputs,
    );
    return {
      answer: async (count) => {
        let answered = 0;
        const all = Array.from({ length: count }, () => pool.invoke(null).then(() => answered++));
        await clock.run(Number.POSITIVE_INFINITY, signal, () => answered === count);
        await Promise.all(all);
      },
      settled: async () => {
        await clock.run(clock.now() + SETTLE_S.most * TIME_SCALE, signal);
        return { sandboxes: node.sandboxes, localBytes: node.localBytes, remoteBytes: node.remoteBytes };
      },
      stop: () => pool.close(),
    };
  };
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

async function settledLevels(gateway: string, name: string, signal: AbortSignal): Promise<Levels> {
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

async function levelsOf(gateway: string, name: string): Promise<Levels> {
  const stats = workerStats.parse(await (await fetch(`${gateway}/stats`)).json());
  const { sandboxes, localBytes, remoteBytes } = stats.functions.find((fn) => fn.name === name)!;
  return { sandboxes, localBytes, remoteBytes };
}
