import { createHash } from "node:crypto";
import { quantile } from "../base/quantile.ts";
import type { RequestRecord } from "../results/schema.ts";

/** What a replay sends and how fast. */
export interface ReplayPlan {
  /** URL of the function at the gateway. */
  url: string;
  /** Arrivals in trace seconds after the start, ascending, and one body for each. */
  arrivals: readonly number[];
  bodies: readonly string[];
  timeScale: number;
  /** Ends the replay early; outstanding requests are abandoned. */
  signal: AbortSignal;
  onAnswer?: () => void;
}

export interface ReplayResult {
  requests: RequestRecord[];
  /** SHA-256 over all answers in the order of their arrivals: equal answers give equal hashes. */
  resultHash: string;
  /** How late requests were sent against the schedule, P99 in real milliseconds. */
  latenessP99Ms: number;
  /** The first error's text, for the message. */
  firstError: string | undefined;
}

/**
 * Sends requests on schedule whether or not earlier ones were answered (open loop), so that a slow system
 * cannot slow down its own load.
 */
export async function replay(plan: ReplayPlan): Promise<ReplayResult> {
  const start = performance.now();
  const lateness: number[] = [];
  let firstError: string | undefined;
  const answers = plan.arrivals.map(async (at, index) => {
    const due = start + (at * 1000) / plan.timeScale;
    await sleepUntil(due, plan.signal);
    const sent = performance.now();
    lateness.push(sent - due);
    try {
      const response = await fetch(plan.url, {
        method: "POST",
        body: plan.bodies[index]!,
        signal: plan.signal,
      });
      const text = await response.text();
      const latencyMs = performance.now() - sent;
      if (!response.ok) firstError ??= text.slice(0, 500);
      const record: RequestRecord = {
        atS: at,
        latencyMs,
        start: response.headers.get("X-Faasmem-Start"),
        status: response.status,
        ...recallOf(response.headers),
      };
      plan.onAnswer?.();
      return { record, text };
    } catch (error) {
      plan.signal.throwIfAborted();
      firstError ??= String(error);
      const record: RequestRecord = {
        atS: at,
        latencyMs: performance.now() - sent,
        start: null,
        status: 0,
        ...recallOf(new Headers()),
      };
      return { record, text: "" };
    }
  });
  const done = await Promise.all(answers);
  const hash = createHash("sha256");
  for (const { text } of done) hash.update(`${text}\n`);
  return {
    requests: done.map(({ record }) => record),
    resultHash: hash.digest("hex"),
    latenessP99Ms: quantile(lateness, 0.99) ?? 0,
    firstError,
  };
}

/** What the worker says that far memory cost. */
function recallOf(headers: Headers) {
  const number = (name: string) => Number(headers.get(`X-Faasmem-${name}`) ?? 0);
  const segments = /runtime=(\d+),init=(\d+),execution=(\d+)/.exec(headers.get("X-Faasmem-Segments") ?? "");
  return {
    recalledPages: number("Recalled-Pages"),
    recallFaults: number("Recall-Faults"),
    stallMs: number("Stall-Ms"),
    runtimePages: segments && Number(segments[1]),
    initPages: segments && Number(segments[2]),
    executionPages: segments && Number(segments[3]),
  };
}

function sleepUntil(due: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, Math.max(0, due - performance.now()));
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
