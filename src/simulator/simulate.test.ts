import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { benchmarks } from "../../benchmarks/index.ts";
import { PAGES as PAGES_OF_WEB } from "../../benchmarks/web/input.ts";
import { random } from "../base/random.ts";
import type { CellPlan } from "../experiment/plan.ts";
import { GROWN, inputKey } from "../profile/model.ts";
import { simulatorInputs } from "./inputs.ts";
import { simulateCell } from "./simulate.ts";
import { model, PAGE, PAGES, profile, RUNTIME, store } from "./testing/profile.ts";

const inputs = simulatorInputs(store([profile]));

const simulate = (
  system: string,
  arrivals: number[],
  windowS: number,
  change: Partial<CellPlan> = {},
  from = inputs,
  luck = 0,
) =>
  simulateCell(
    {
      ...{ function: "fn", system, arrivals, repeat: 0, timeScale: 1, seed: 1, plane: "uffd" },
      window: { label: "w", traceFunction: 0, startIndex: 0, windowS },
      semiWarmDelayS: null,
      signal: new AbortController().signal,
      ...change,
    },
    from,
    luck,
  );

type Simulated = Awaited<ReturnType<typeof simulate>>;
const at = ({ samples }: Simulated, atS: number) => samples.findLast((sample) => sample.atS <= atS)!;
const starts = ({ requests }: Simulated) => requests.map(({ start }) => start);

test("costs of a machine are the line through its walks", () => {
  expect(inputs.costs.faultMs).toBeCloseTo(1);
  expect(inputs.costs.faultPageMs).toBeCloseTo(0.1);
  expect(inputs.costs.restorePageMs).toBeCloseTo(0.05);
});

test("what was not measured is said, with what to do", () => {
  expect(() => simulatorInputs(store([], false))).toThrow(expect.objectContaining({ code: "NO_BENCH" }));
  const { model: _, ...old } = profile;
  for (const profiles of [[], [old], [{ ...profile, model: { ...model, version: 0 } }]]) {
    const error = expect.objectContaining({
      code: "NO_PROFILE",
      fix: "measure it: faasmem function profile fn",
    });
    expect(() => simulatorInputs(store(profiles)).functionOf("fn")).toThrow(error);
  }
});

test("cold starts, last in first out, keep-alive: each moment as worked out by hand", async () => {
  // A runs 0 to 2 s (1 s start, 1 s request), B 0.5 to 2.5 s. B ended last, so it takes the request at 10 s, until 11 s. A's 600 s end at
  // 602 s, B's at 611 s.
  const cell = await simulate("baseline", [0, 0.5, 10], 620);
  expect(starts(cell)).toEqual(["cold", "cold", "warm"]);
  expect(cell.requests.map(({ latencyMs }) => Math.round(latencyMs))).toEqual([2002, 2002, 1002]);
  const count = [0.9, 1.4, 2, 601, 603, 610, 612].map((s) => at(cell, s).sandboxes);
  expect(count).toEqual([0, 1, 2, 2, 1, 1, 0]);
  // 40 MiB and a third or, of two, a quarter each of 12 MiB of files: the client and the worker have them, too.
  const [one, two] = [44, 86].map((mib) => mib * 2 ** 20);
  expect(at(cell, 1.4).localBytes).toBe(one!);
  expect(at(cell, 100).localBytes).toBe(two!);
  const area = one! * (0.5 + 9) + two! * (602 - 1.5);
  expect(cell.cell.avgLocalBytes).toBeCloseTo(area / 620, -2);
  expect(cell.cell).toMatchObject({ mode: "simulate", coldStarts: 2, warmStarts: 1, p50Ms: 1002, errors: 0 });
});

test("at most 16 sandboxes; who finds none waits for the first that ends", async () => {
  const cell = await simulate("baseline", Array(17).fill(0), 10);
  expect(cell.cell.coldStarts).toBe(16);
  // 16 at once on cores that take two: eight times as long for start and request, then one more alone.
  expect(cell.requests.map(({ latencyMs }) => Math.round(latencyMs)).toSorted((a, b) => b - a)[0]).toBe(
    16_000 + 1000 + 2,
  );
});

test("semi-warm leaves by steps of a tenth of what was held at first, from 60 s idle to 15 s before the end", async () => {
  const cell = await simulate("faasmem-no-pucket", [0], 620);
  // Idle from 2 s on. The first step takes 1024 pages from 62 to 72 s, the second as many, and so on.
  const remote = [61, 72.7, 82.7].map((s) => at(cell, s).remoteBytes / PAGE);
  expect(remote).toEqual([0, 1024, 2 * 1024]);
  // The floor of 256 KiB stays.
  expect(at(cell, 580)).toMatchObject({ remoteBytes: (PAGES - 64) * PAGE, sandboxes: 1 });
  expect(at(cell, 610)).toMatchObject({ remoteBytes: 0, localBytes: 0, sandboxes: 0 });
});

test("of two sandboxes one tries; when both ended for having idled, all memory of the next ones may leave", async () => {
  const cell = await simulate("faasmem", [0, 0, 700, 700], 1400);
  // Of the other only the Runtime Pucket left, after its request.
  expect(at(cell, 580)).toMatchObject({ remoteBytes: (PAGES - 64 + RUNTIME) * PAGE, sandboxes: 2 });
  expect(at(cell, 1280)).toMatchObject({ remoteBytes: 2 * (PAGES - 64) * PAGE, sandboxes: 2 });
});

test("a request that meets a semi-warm sandbox pays for its faults, or for a recall in bulk", async () => {
  // By 500 s everything but 64 pages is away. Those are the last of the eight blocks: the coldest pages left first.
  const demand = await simulate("faasmem-no-recall", [0, 500], 520);
  expect(starts(demand)).toEqual(["cold", "semi-warm"]);
  // Seven faults of 1 ms and 64 pages at 0.1 ms each.
  expect(demand.requests[1]).toMatchObject({ recallFaults: 7, recalledPages: 448, initPages: 448 });
  expect(demand.requests[1]!.stallMs).toBeCloseTo(51.8);
  expect(demand.requests[1]!.latencyMs).toBeCloseTo(1002 + 51.8);

  // 448 pages in bulk take 22.4 ms, and 33.6 beside a request. The first block is back after 4.8, before a fault would bring it; then
  // the request has two thirds of its speed for 28.8 ms, and finds all others back.
  const recall = await simulate("faasmem", [0, 500], 520);
  expect(recall.requests[1]).toMatchObject({ start: "semi-warm", recalledPages: 448, recallFaults: 1 });
  expect(recall.requests[1]!.latencyMs).toBeCloseTo(1002 + 4.8 + 28.8 / 3);
});

test("with a time scale policies and arrivals are faster, requests are not", async () => {
  // 30 x: the start takes 30 s of trace, the request another 30; 60 s idle are over at 120 s.
  const cell = await simulate("faasmem-no-pucket", [0, 300], 400, { timeScale: 30 });
  expect(cell.requests.map(({ latencyMs }) => Math.round(latencyMs / 100))).toEqual([20, 10]);
  expect(at(cell, 119).remoteBytes).toBe(0);
  expect(at(cell, 150).remoteBytes).toBeGreaterThan(0);
});

test("the same plan gives the same result", async () => {
  const arrivals = Array.from({ length: 60 }, (_, i) => (i * i * 7) % 600).toSorted((a, b) => a - b);
  for (const system of ["faasmem", "tmo", "damon"]) {
    const [one, other] = [await simulate(system, arrivals, 700), await simulate(system, arrivals, 700)];
    expect(other).toEqual(one);
  }
});

test("requests have the inputs that a replay sends, whatever the luck", async () => {
  const usualMs = (id: number) => 1000 + 10 * id;
  const measured = Array.from({ length: PAGES_OF_WEB }, (_, id) => ({ id })).flatMap((context) =>
    Array.from({ length: 12 }, () => ({
      input: inputKey(context),
      durationMs: usualMs(context.id),
      addedMs: 2,
    })),
  );
  const latency = { ...model.latencies[0]!, alone: [{ gapMs: 0, requests: measured }] };
  const web = { ...profile, function: "web", model: { ...model, latencies: [latency] } };
  const arrivals = Array.from({ length: 40 }, (_, i) => i * 10);
  const next = random(7);
  const sent = arrivals.map(() => usualMs((benchmarks.web!.input(next) as { id: number }).id) + 2);
  for (const luck of [0, 1]) {
    const change = { function: "web", seed: 7 };
    const { requests } = await simulate(
      "baseline",
      arrivals,
      400,
      change,
      simulatorInputs(store([web])),
      luck,
    );
    for (const [i, { latencyMs }] of requests.entries())
      if (i >= GROWN) expect(latencyMs).toBeCloseTo(sent[i]!, 6);
  }
});

test("of durations that were measured several times, repeats and luck take one after the other", async () => {
  const latencies = [1000, 2000].map((durationMs) => ({
    ...model.latencies[0]!,
    alone: [{ gapMs: 0, requests: [{ input: "", durationMs, addedMs: 2 }] }],
  }));
  const twice = simulatorInputs(store([{ ...profile, model: { ...model, latencies } }]));
  const arrivals = Array.from({ length: GROWN + 2 }, (_, i) => i * 10);
  const last = async (seed: number, luck: number) =>
    (await simulate("baseline", arrivals, 200, { seed }, twice, luck)).requests.at(-1)!.latencyMs;
  expect([await last(2, 0), await last(3, 0), await last(2, 1), await last(3, 1)]).toEqual([
    1002, 2002, 2002, 1002,
  ]);
});

test("a policy of the user's own is asked and obeyed as in production", async () => {
  const folder = mkdtempSync(join(tmpdir(), "faasmem-policy-"));
  try {
    const file = join(folder, "all-away.ts");
    writeFileSync(
      file,
      `export default ({ memory, clock }) => ({
         semiWarm: false,
         async ready() {},
         async loaded() {},
         requestStart() {},
         requestEnd() { clock.after(5, async () => memory.evict(await memory.snapshot())); },
         close() {},
       });`,
    );
    const cell = await simulate(file, [0], 20);
    expect([6.5, 8].map((s) => at(cell, s).remoteBytes / PAGE)).toEqual([0, PAGES]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a system that nobody knows is refused", () => {
  expect(simulate("nothing", [0], 10)).rejects.toMatchObject({ code: "UNKNOWN_SYSTEM" });
});

test("a young sandbox that gave its files back wants more of them than an old one", async () => {
  const file = (mib: number) => ({ shared: mib * 2 ** 20, own: 0 });
  const locals = async (early: number) => {
    const files = { whole: file(12), early: file(early), used: file(4), released: file(0) };
    const from = simulatorInputs(store([{ ...profile, model: { ...model, files } }]));
    const arrivals = [...Array.from({ length: 15 }, (_, i) => i * 20), 480]; // and semi-warm before the last
    const cell = await simulate("faasmem", arrivals, 490, {}, from);
    return [30, 485].map((s) => at(cell, s).localBytes);
  };
  const [more, less] = [await locals(8), await locals(4)];
  expect(more[0]! - less[0]!).toBe((4 * 2 ** 20) / 4); // client, worker, memory server and the sandbox
  expect(more[1]! - less[1]!).toBe(0);
});
