import { afterAll, expect, test } from "bun:test";
import { quantile } from "../base/quantile.ts";
import { replay } from "./replay.ts";

const order: string[] = [];
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request) => {
    const body = await request.text();
    order.push(body);
    if (body === "slow") await Bun.sleep(200);
    if (body === "bad") return Response.json({ error: { code: "X" } }, { status: 500 });
    return new Response(`answer to ${body}`, {
      headers: { "X-Faasmem-Start": "warm", "X-Faasmem-Recalled-Pages": "3" },
    });
  },
});
afterAll(() => server.stop(true));

const plan = (bodies: string[]) => ({
  url: server.url.href,
  arrivals: bodies.map((_, i) => i * 2),
  bodies,
  timeScale: 40,
  signal: new AbortController().signal,
});

test("a slow answer does not hold up later arrivals", async () => {
  order.length = 0;
  const { requests } = await replay(plan(["slow", "a", "b"]));
  expect(order).toEqual(["slow", "a", "b"]);
  expect(requests.map((request) => request.status)).toEqual([200, 200, 200]);
  expect(requests[0]!.latencyMs).toBeGreaterThan(requests[1]!.latencyMs);
  expect(requests[1]).toMatchObject({ start: "warm", recalledPages: 3, atS: 2 });
});

test("equal answers hash equally, in the order of arrivals; other answers do not", async () => {
  const first = await replay(plan(["slow", "a"]));
  const again = await replay(plan(["slow", "a"]));
  const other = await replay(plan(["slow", "b"]));
  expect(again.resultHash).toBe(first.resultHash);
  expect(other.resultHash).not.toBe(first.resultHash);
});

test("failures are recorded, with the first one's text", async () => {
  const result = await replay(plan(["a", "bad"]));
  expect(result.requests.map((request) => request.status)).toEqual([200, 500]);
  expect(result.firstError).toContain('"code":"X"');
});

test("an abort ends a replay at once", async () => {
  const stop = new AbortController();
  const running = replay({ ...plan(["a", "b"]), arrivals: [0, 1e6], signal: stop.signal });
  setTimeout(() => stop.abort(new Error("stopped")), 50);
  expect(running).rejects.toThrow("stopped");
});

test("quantiles interpolate", () => {
  expect(quantile([], 0.5)).toBeUndefined();
  expect(quantile([3], 0.95)).toBe(3);
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(quantile([0, 10], 0.95)).toBeCloseTo(9.5);
});
