import { z } from "zod";
import { startChild } from "../base/child.ts";
import { median } from "../base/quantile.ts";
import { GROWN, inputKey, type LoneRequest, type ModelLatency } from "./model.ts";
import type { Turn } from "./observe.ts";

/** Pauses before requests that come alone, in milliseconds; the longest one stands for all longer ones. */
const PAUSES_MS = [0, 100, 400, 1500];
/** Requests after each pause: for a median, and all together for a P95. */
const ALONE = 40;
/** A slow function gets fewer of them, but never less than this. */
const FEWEST = 6;
const FUNCTION_MS = 8000;
/** How many requests at once, and how often. */
const TOGETHER: readonly (readonly [requests: number, rounds: number])[] = [
  [2, 6],
  [4, 4],
];
/** Longest measurement of requests at once. */
const TOGETHER_MS = 8000;

const nodeReady = z.object({ gateway: z.string().url() });

interface Answer {
  latencyMs: number;
  durationMs: number;
}

/**
 * Requests after each pause, one of each in turns and with the same context: a machine whose speed changes within a minute is as fast for
 * one pause as for another, and a function's slow inputs are as many.
 * @param draw makes a request's context
 * @param ask sends one after so many milliseconds
 */
export async function inTurns(
  draw: () => unknown,
  ask: (gapMs: number, context: unknown) => Promise<Omit<LoneRequest, "input">>,
): Promise<ModelLatency["alone"]> {
  const groups = PAUSES_MS.map((gapMs) => ({ gapMs, requests: [] as LoneRequest[], spentMs: 0 }));
  for (let i = 0; i < ALONE; i++) {
    const context = draw();
    const input = inputKey(context);
    for (const group of groups) {
      if (i >= FEWEST && group.spentMs >= FUNCTION_MS) continue;
      const request = await ask(group.gapMs, context);
      group.requests.push({ input, ...request });
      group.spentMs += request.durationMs;
    }
  }
  return groups.map(({ gapMs, requests }) => ({ gapMs, requests }));
}

/**
 * What a whole node adds to a function's own time: sends requests to one without a memory system, alone and together.
 *
 * @param draw makes a request's context
 * @param turn is held while a request runs
 * @throws FaasmemError CHILD_START
 */
export async function measureLatency(name: string, draw: () => unknown, turn: Turn): Promise<ModelLatency> {
  const node = await startChild(
    ["up", "--ready-json", "--port", "0", "--system", "baseline", "--function", name, "--no-learned"],
    (value) => nodeReady.parse(value).gateway,
  );
  const ask = async (context = draw()): Promise<Answer> => {
    const started = performance.now();
    const response = await fetch(`${node.ready}/function/${name}`, {
      method: "POST",
      body: JSON.stringify(context),
    });
    await response.text();
    const latencyMs = performance.now() - started;
    return { latencyMs, durationMs: Number(response.headers.get("X-Faasmem-Duration-Ms") ?? 0) };
  };
  const alone = (gapMs: number, context: unknown) =>
    Bun.sleep(gapMs).then(() => turn.take(() => ask(context)));
  const together = (count: number) =>
    turn.take(() => Promise.all(Array.from({ length: count }, () => ask())));
  try {
    const coldMs = (await turn.take(() => ask())).latencyMs;
    for (let i = 0; i < GROWN; i++) await turn.take(() => ask());
    const all = await inTurns(draw, async (gapMs, context) => {
      const { latencyMs, durationMs } = await alone(gapMs, context);
      return { durationMs, addedMs: latencyMs - durationMs };
    });
    const usual = median(all[0]!.requests.map(({ durationMs }) => durationMs));
    const slowdown: ModelLatency["slowdown"] = [];
    for (const [count, rounds] of TOGETHER) {
      await together(count); // cold starts
      const durations: number[] = [];
      const started = performance.now();
      for (let i = 0; i < rounds && (i === 0 || performance.now() - started < TOGETHER_MS); i++)
        durations.push(...(await together(count)).map((answer) => answer.durationMs));
      slowdown.push({ requests: count, factor: Math.max(1, median(durations) / usual) });
    }
    return { coldMs, alone: all, slowdown };
  } finally {
    await node.stop();
  }
}
