import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClock } from "../base/clock.ts";
import { runFolder } from "../base/paths.ts";
import { gatewayApp } from "../gateway/app.ts";
import { OffloadBandwidth } from "../memory/bandwidth.ts";
import type { Learned } from "../memory/history.ts";
import { RequestsFirst } from "../memory/requests-first.ts";
import { policySettings } from "../memory/settings.ts";
import { policyOf } from "../memory/systems.ts";
import { workerApp } from "./app.ts";
import type { FunctionDescription } from "./describe.ts";
import type { LearnedStore, PoolContext } from "./pool.ts";
import { Worker } from "./worker.ts";

const folder = runFolder();
const hostPath = join(folder, "host.js");
const modulePath = join(folder, "fn.mjs");
const workers: Worker[] = [];

beforeAll(async () => {
  const host = new URL("../sandbox/host.ts", import.meta.url).pathname;
  const built = await Bun.build({ entrypoints: [host], target: "bun" });
  writeFileSync(hostPath, await built.outputs[0]!.text());
  writeFileSync(
    modulePath,
    `export const handler = async (c) => {
       if (c.sleep) await new Promise((done) => setTimeout(done, c.sleep));
       if (c.bad) throw new Error("bad");
       if (c.exit) process.exit(1);
       return { pid: process.pid };
     };`,
  );
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  Bun.spawnSync(["rm", "-rf", folder]);
});

function worker(
  keepAliveS = 600,
  scale = 1,
  learned: LearnedStore | null = null,
  start?: PoolContext["start"],
): Worker {
  const clock = createClock(scale);
  const made = new Worker([{ name: "fn", modulePath, quotaMiB: 100, initWindow: 1 }], {
    clock,
    engine: null,
    system: "baseline",
    policy: policyOf("baseline"),
    bandwidth: new OffloadBandwidth(clock),
    requests: new RequestsFirst(clock),
    learned,
    warn: () => {},
    settings: policySettings.parse({ keepAliveS }),
    runFolder: folder,
    hostPath,
    maxSandboxes: 16,
    cgroups: null,
    ...(start && { start }),
  });
  workers.push(made);
  return made;
}

const pid = (answer: { result: unknown }) => (answer.result as { pid: number }).pid;

test("the sandbox used last is used first", async () => {
  const w = worker();
  const [a, b] = await Promise.all([w.invoke("fn", { sleep: 50 }), w.invoke("fn", { sleep: 250 })]);
  expect([a.start, b.start]).toEqual(["cold", "cold"]);
  const again = await w.invoke("fn", {});
  expect(again).toMatchObject({ start: "warm" });
  expect(pid(again)).toBe(pid(b));
});

test("at most 16 sandboxes; more requests wait for one", async () => {
  const w = worker();
  const answers = await Promise.all(Array.from({ length: 20 }, () => w.invoke("fn", { sleep: 300 })));
  expect(new Set(answers.map(pid)).size).toBeLessThanOrEqual(16);
  expect(w.stats().functions[0]).toMatchObject({ errors: 0 });
}, 30_000);

test("keep-alive ends idle sandboxes, in trace time", async () => {
  const w = worker(60, 100);
  const first = await w.invoke("fn", {});
  for (let i = 0; i < 100 && w.stats().functions[0]!.sandboxes > 0; i++) await Bun.sleep(50);
  expect(w.stats().functions[0]!.sandboxes).toBe(0);
  expect(pid(await w.invoke("fn", {}))).not.toBe(pid(first));
});

test("a request that comes while keep-alive ends the sandbox gets another one", async () => {
  const stopped = new Set<string>();
  let stopping = () => {};
  const stops = new Promise<void>((resolve) => (stopping = resolve));
  const w = worker(60, 1000, null, async ({ name }) => {
    let ended = () => {};
    const exited = new Promise<void>((resolve) => (ended = resolve));
    return {
      name,
      space: null,
      exited: exited.then(() => ({ lost: false, message: "" })),
      localBytes: async () => 0,
      run: async () => {
        if (stopped.has(name)) throw new Error("killed");
        return { result: name, durationMs: 1 };
      },
      stop: async () => {
        stopped.add(name);
        stopping();
        await Bun.sleep(20); // a killed process takes a while to end
        ended();
      },
    };
  });
  const first = await w.invoke("fn", {});
  await stops;
  const second = await w.invoke("fn", {});
  expect(second.start).toBe("cold");
  expect(second.result).not.toBe(first.result);
});

test("memory is sampled and summed over time", async () => {
  const w = worker();
  await w.invoke("fn", {});
  for (let i = 0; i < 50 && w.stats().functions[0]!.localByteSeconds === 0; i++) await Bun.sleep(50);
  expect(w.stats().functions[0]!.localBytes).toBeGreaterThan(1024 ** 2);
});

test("the gateway answers requests, and says what is wrong with others", async () => {
  const inner = workerApp(
    worker(),
    async () => {},
    async (system) => policyOf(system),
  );
  const gateway = gatewayApp((request) => inner.fetch(request));
  const post = (path: string, body: string) => gateway.request(path, { method: "POST", body });

  const good = await post("/function/fn", "{}");
  expect(good.status).toBe(200);
  expect(good.headers.get("X-Faasmem-Start")).toBe("cold");
  expect(Number(good.headers.get("X-Faasmem-Duration-Ms"))).toBeGreaterThanOrEqual(0);
  expect((await post("/function/fn", "")).status).toBe(200);

  const cases: [string, string, number, string][] = [
    ["/function/absent", "{}", 404, "UNKNOWN_FUNCTION"],
    ["/function/..%2Ffn", "{}", 404, "UNKNOWN_FUNCTION"],
    ["/elsewhere", "{}", 404, "UNKNOWN_FUNCTION"],
    ["/function/fn", "{", 400, "BAD_REQUEST"],
    ["/function/fn", JSON.stringify("x".repeat(7 * 1024 * 1024)), 413, "TOO_LARGE"],
    ["/function/fn", '{"bad":true}', 500, "FUNCTION_ERROR"],
    ["/function/fn", '{"exit":true}', 502, "SANDBOX_DIED"],
  ];
  for (const [path, body, status, code] of cases) {
    const answer = await post(path, body);
    const { error } = (await answer.json()) as { error: { code: string; fix: string } };
    expect([path, answer.status, error.code]).toEqual([path, status, code]);
    expect(error.fix).not.toBe("");
  }
  expect((await post("/function/fn", "{}")).status).toBe(200);
  expect(await (await gateway.request("/functions")).json()).toMatchObject([{ name: "fn" }]);
});

test("functions are deployed and removed through the gateway", async () => {
  const w = worker();
  const inner = workerApp(
    w,
    async ({ name }) => w.deploy({ name, modulePath, quotaMiB: 64, initWindow: 1 }),
    async (system) => policyOf(system),
  );
  const gateway = gatewayApp((request) => inner.fetch(request));
  const ask = async (method: string, path: string, body?: string) => {
    const answer = await gateway.request(path, { method, ...(body === undefined ? {} : { body }) });
    return { status: answer.status, body: (await answer.json()) as { error?: { code: string } } };
  };
  const names = async () =>
    ((await (await gateway.request("/functions")).json()) as { name: string }[]).map(({ name }) => name);

  expect(await ask("POST", "/functions", '{"name":"other"}')).toMatchObject({ status: 200 });
  expect(await names()).toEqual(["fn", "other"]);
  expect((await ask("POST", "/function/other", "{}")).body).toHaveProperty("pid");
  expect(w.stats().functions.find(({ name }) => name === "other")).toMatchObject({ sandboxes: 1 });
  expect(await ask("DELETE", "/functions/other")).toMatchObject({ status: 200 });
  expect(await names()).toEqual(["fn"]);
  expect(await ask("POST", "/function/other", "{}")).toMatchObject({ status: 404 });
  expect(await ask("DELETE", "/functions/other")).toMatchObject({ status: 404 });
  for (const bad of [
    "{",
    "[]",
    '{"name":1}',
    '{"name":"fn","weights":"relative"}',
    '{"name":"fn","more":1}',
  ]) {
    const { status, body } = await ask("POST", "/functions", bad);
    expect([bad, status, body.error?.code]).toEqual([bad, 400, "BAD_REQUEST"]);
  }
});

test("a function is changed while it runs: settings at once, wrong ones are refused", async () => {
  const w = worker(600, 100);
  const inner = workerApp(
    w,
    async () => {},
    async (system) => policyOf(system),
  );
  const gateway = gatewayApp((request) => inner.fetch(request));
  const ask = async (method: string, body?: string) => {
    const answer = await gateway.request("/functions/fn", {
      method,
      ...(body === undefined ? {} : { body }),
    });
    return {
      status: answer.status,
      body: (await answer.json()) as FunctionDescription & { error?: { code: string } },
    };
  };
  await w.invoke("fn", {});
  const { body: before } = await ask("GET");
  expect(before).toMatchObject({
    name: "fn",
    system: "baseline",
    settings: { keepAliveS: 600, semiWarmDelayS: null },
  });
  expect(before.sandboxes).toHaveLength(1);
  expect(before.sandboxes[0]).toMatchObject({ state: "idle", remoteBytes: 0 });

  const { body: after } = await ask(
    "PATCH",
    '{"system":"tmo","settings":{"keepAliveS":20,"semiWarmDelayS":5}}',
  );
  expect(after).toMatchObject({
    system: "tmo",
    settings: { keepAliveS: 20, semiWarmDelayS: 5, rollbackS: 120 },
  });
  for (let i = 0; i < 100 && w.stats().functions[0]!.sandboxes > 0; i++) await Bun.sleep(20);
  expect(w.stats().functions[0]!.sandboxes).toBe(0);
  expect((await ask("PATCH", '{"settings":{"semiWarmDelayS":null}}')).body.settings).toMatchObject({
    keepAliveS: 20,
    semiWarmDelayS: null,
  });

  for (const [bad, code] of [
    ['{"settings":{"keepAliveS":-1}}', "BAD_REQUEST"],
    ['{"settings":{"keepAliveS":"long"}}', "BAD_REQUEST"],
    ['{"settings":{"keepAlive":1}}', "BAD_REQUEST"],
    ['{"system":"none"}', "UNKNOWN_SYSTEM"],
    ['{"system":"/tmp/x.ts"}', "UNKNOWN_SYSTEM"],
    ["{", "BAD_REQUEST"],
  ]) {
    const { status, body } = await ask("PATCH", bad);
    expect([bad, status, body.error?.code]).toEqual([bad, 400, code]);
  }
  expect((await ask("GET")).body).toMatchObject({ system: "tmo", settings: { keepAliveS: 20 } });
});

test("what was learned goes to the store and comes back", async () => {
  const kept = new Map<string, Learned>();
  const learned = {
    load: (name: string) => kept.get(name),
    save: (name: string, one: Learned) => void kept.set(name, one),
  };
  const first = worker(600, 100, learned);
  for (let i = 0; i < 3; i++) await first.invoke("fn", {});
  await first.close();
  expect(kept.get("fn")!.reuse.samples).toBe(2);
  const second = worker(600, 100, learned);
  expect((await second.describe("fn")).learned.reuseIntervals).toBe(2);
});
