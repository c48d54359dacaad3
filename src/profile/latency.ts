import { z } from "zod";
import { startChild } from "../base/child.ts";
import { quantile } from "../base/quantile.ts";
import type { ModelLatency } from "./model.ts";
import type { Turn } from "./observe.ts";

/** Pauses before requests that come alone, in milliseconds, and how many of each. */
const ALONE: readonly (readonly [gapMs: number, requests: number])[] = [
  [0, 10],
  [100, 8],
  [400, 6],
  [1500, 4],
];
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
  const ask = async (): Promise<Answer> => {
    const started = performance.now();
    const response = await fetch(`${node.ready}/function/${name}`, {
      method: "POST",
      body: JSON.stringify(draw()),
    });
    await response.text();
    const latencyMs = performance.now() - started;
    return { latencyMs, durationMs: Number(response.headers.get("X-Faasmem-Duration-Ms") ?? 0) };
  };
  const alone = (gapMs: number) => Bun.sleep(gapMs).then(() => turn.take(ask));
  const together = (count: number) => turn.take(() => Promise.all(Array.from({ length: count }, ask)));
  const middle = (values: number[]) => quantile(values, 0.5)!;
  try {
    const coldMs = (await turn.take(ask)).latencyMs;
    const overhead: ModelLatency["overhead"] = [];
    const usual: number[] = [];
    for (const [gapMs, requests] of ALONE) {
      const answers: Answer[] = [];
      for (let i = 0; i < requests; i++) answers.push(await alone(gapMs));
      const ms = middle(answers.map((answer) => answer.latencyMs - answer.durationMs));
      const durationMs = middle(answers.map((answer) => answer.durationMs));
      overhead.push({ gapMs, ms, durationMs });
      if (gapMs === 0) usual.push(...answers.map((answer) => answer.durationMs));
    }
    const slowdown: ModelLatency["slowdown"] = [];
    for (const [count, rounds] of TOGETHER) {
      await together(count); // cold starts
      const durations: number[] = [];
      const started = performance.now();
      for (let i = 0; i < rounds && (i === 0 || performance.now() - started < TOGETHER_MS); i++)
        durations.push(...(await together(count)).map((answer) => answer.durationMs));
      slowdown.push({ requests: count, factor: Math.max(1, middle(durations) / middle(usual)) });
    }
    return { coldMs, overhead, slowdown };
  } finally {
    await node.stop();
  }
}
