import { quantile } from "../../base/quantile.ts";
import { random } from "../../base/random.ts";
import type { Heatmap } from "../../heatmap/heatmap.ts";
import type { DocumentKind, Documents } from "../../results/documents.ts";
import type { Cell, RequestRecord, Run, Sample } from "../../results/schema.ts";
import type { CellRecord, Store } from "../../results/store.ts";
import type { Source } from "../data/dataset.ts";

/** Made-up results with the shape of real ones, for tests of figures: the same numbers in each call. */

const MIB = 1024 ** 2;
/** Memory and P95 as multiples of baseline. */
const EFFECTS: Record<string, [memory: number, p95: number]> = {
  baseline: [1, 1],
  tmo: [0.88, 1.06],
  damon: [0.55, 1.35],
  faasmem: [0.35, 1.04],
  "faasmem-no-pucket": [0.62, 1.02],
  "faasmem-no-semiwarm": [0.58, 1.03],
  "faasmem-no-recall": [0.36, 1.22],
};
const FUNCTIONS: Record<string, [mib: number, ms: number]> = {
  bert: [620, 150],
  graph: [240, 40],
  web: [210, 8],
  float: [45, 12],
  matmul: [70, 300],
  linpack: [66, 160],
  image: [80, 90],
  chameleon: [60, 25],
  pyaes: [48, 60],
  gzip: [52, 45],
  json: [95, 32],
};
export const allFunctions: readonly string[] = Object.keys(FUNCTIONS);

export interface FixturePlan {
  experiment: string;
  functions?: readonly string[];
  systems?: readonly string[];
  windows?: readonly string[];
  repeats?: number;
  mode?: Cell["mode"];
  windowS?: number;
  /** Requests in each window. */
  requests?: number;
  samples?: number;
  heatmap?: boolean;
  windowNote?: string;
  runId?: number;
  timeScale?: number;
  documents?: Partial<Documents>;
}

/** A finished run. */
export function fixtureSource(plan: FixturePlan): Source {
  const windows = plan.windows ?? ["quick"];
  const records: CellRecord[] = [];
  for (let repeat = 0; repeat < (plan.repeats ?? 1); repeat++)
    for (const [w, window] of windows.entries())
      for (const name of plan.functions ?? [])
        for (const system of plan.systems ?? ["baseline", "faasmem"])
          records.push(recordOf(plan, { name, system, window, repeat, w }));
  return { run: runOf(plan, windows), plan: planOf(plan, windows), records, documents: plan.documents ?? {} };
}

const planOf = ({ mode, windowNote }: FixturePlan, windows: readonly string[]): Source["plan"] => ({
  mode: mode ?? "replay",
  windows: windows.map((label) => ({ label })),
  windowNote,
});

const runOf = (plan: FixturePlan, windows: readonly string[]): Run => ({
  id: plan.runId ?? 1,
  experiment: plan.experiment,
  startedAt: new Date("2026-03-01T10:00:00Z"),
  finishedAt: new Date("2026-03-01T11:00:00Z"),
  status: "done",
  seed: 1,
  timeScale: plan.timeScale ?? (plan.mode === "simulate" ? 1 : 30),
  trace: "quick",
  config: { name: plan.experiment, ...planOf(plan, windows), repeats: plan.repeats ?? 1 },
  machine: { kernel: "6.18.0", cpu: "Test CPU", cores: 2, memoryBytes: 24 * 1024 ** 3 },
  version: "1.2.3 (0123456789)",
});

interface Which {
  name: string;
  system: string;
  window: string;
  repeat: number;
  w: number;
}

function recordOf(plan: FixturePlan, { name, system, window, repeat, w }: Which): CellRecord {
  const seed = [...`${name}${system}${window}${repeat}`].reduce(
    (sum, one) => (sum * 31 + one.charCodeAt(0)) % 1e9,
    7,
  );
  const next = random(seed);
  const [mib, ms] = FUNCTIONS[name] ?? [100, 50];
  const [memory, slow] = EFFECTS[system] ?? [0.5, 1.1];
  const windowS = plan.windowS ?? 600;
  const count = plan.requests ?? (plan.experiment === "density" ? 12 + 9 * w * w : 40);
  const near = () => 1 + 0.06 * (next() - 0.5);
  const requests: RequestRecord[] = Array.from({ length: count }, (_, i) => {
    // Bursts: the later windows are the more uneven ones.
    const atS = windowS * ((i + next() * (1 + w)) / (count + 1 + w));
    const start =
      i === 0 || (i === count >> 1 && w === 0)
        ? "cold"
        : system !== "baseline" && i % 13 === 5
          ? "semi-warm"
          : "warm";
    const latencyMs =
      start === "cold"
        ? 400
        : ms * slow * near() * (next() > 0.95 ? 1.4 : 1) * (start === "semi-warm" ? 1.2 : 1);
    return {
      ...{ atS, latencyMs, start, status: 200, recalledPages: 0, recallFaults: 0, stallMs: 0 },
      ...{ runtimePages: null, initPages: null, executionPages: null },
    };
  });
  const samples: Sample[] = Array.from({ length: plan.samples ?? 60 }, (_, i) => {
    const atS = (windowS * i) / (plan.samples ?? 60);
    const sandboxes = 1 + Number(Math.sin(i / 7 + w) > 0.6);
    const decay = system === "baseline" ? 1 : memory + (1 - memory) * Math.exp(-(i % 20) / 5);
    return { atS, localBytes: mib * MIB * sandboxes * decay, remoteBytes: 0, sandboxes };
  });
  const warm = requests.filter(({ start }) => start !== "cold").map(({ latencyMs }) => latencyMs);
  const cell: Cell = {
    ...{ function: name, system, window, repeat, mode: plan.mode ?? "replay", windowS },
    ...{
      requests: count,
      errors: 0,
      p50Ms: quantile(warm, 0.5) ?? null,
      p95Ms: quantile(warm, 0.95) ?? null,
    },
    avgLocalBytes: mib * MIB * memory * near() * (1 + 0.1 * w),
    avgRemoteBytes: mib * MIB * (1 - memory),
    coldStarts: requests.filter(({ start }) => start === "cold").length,
    warmStarts: requests.filter(({ start }) => start === "warm").length,
    semiWarmStarts: requests.filter(({ start }) => start === "semi-warm").length,
    ...{ memoryMetric: "pss", resultHash: "", latenessP99Ms: 1 },
  };
  return { cell, requests, samples, heatmap: plan.heatmap ? heatmapOf(system, windowS) : null };
}

function heatmapOf(system: string, windowS: number): Heatmap {
  const columns = 80;
  const rows = 40;
  return {
    sandbox: "web-1",
    atS: Array.from({ length: columns }, (_, i) => (i * windowS) / columns),
    rowPages: Array.from({ length: rows }, () => 512),
    local: Array.from({ length: columns }, (_, i) =>
      Array.from({ length: rows }, (_, row) =>
        i < row / 4
          ? 0
          : system === "baseline" || row > 30 || (row > 12 && (i + row) % 19 > 6)
            ? 1
            : i > 30
              ? 0
              : 0.4,
      ),
    ),
  };
}

/** Stores a finished run; its number. */
export function storeFixture(store: Store, plan: FixturePlan, status: Run["status"] = "done"): number {
  const { run, records, documents } = fixtureSource(plan);
  const { id: _, ...about } = run;
  const id = store.startRun(about);
  for (const record of records) store.saveCell(id, record);
  for (const [kind, document] of Object.entries(documents))
    store.saveDocument(id, kind as DocumentKind, document);
  store.finishRun(id, status);
  return id;
}

/** Barriers of some functions, ten sandboxes each. */
export function fixtureBarriers(functions: readonly string[]): Documents["barriers"] {
  return functions.map((name, i) => {
    const next = random(i + 1);
    return {
      function: name,
      sandboxes: Array.from({ length: 10 }, () => ({
        runtimeInitMs: 0.6 + next() * 0.3,
        initExecutionMs: 1 + (FUNCTIONS[name]?.[0] ?? 100) / 120 + next(),
        rollbackMs: [0.4 + next() * 0.4, 0.5 + next() * 0.4],
      })),
    };
  });
}

/** Distributions of three load classes. */
export function fixtureSemiwarm(): Documents["semiwarm"] {
  const curve = (of: (share: number) => number): [number, number][] =>
    Array.from({ length: 100 }, (_, i) => [of((i + 1) / 100), (i + 1) / 100]);
  return {
    keepAliveS: 600,
    percentile: 99,
    classes: (["high", "middle", "low"] as const).map((load, i) => ({
      ...{ load, functions: [28, 76, 320][i]!, invocations: [1_800_000, 150_000, 30_000][i]! },
      ...{ containers: [4000, 3000, 9000][i]!, coldStartRatio: [0.01, 0.05, 0.3][i]! },
      semiWarmShare: curve((share) => Math.min(0.95, share ** (2 - i * 0.7) * (0.5 + i * 0.2))),
      lifetimeS: curve((share) => 600 * (1 + (20 - 8 * i) * share ** 3)),
    })),
  };
}

export const fixtureDensity = (functions: readonly string[]): Documents["density"] => ({
  budgetBytes: 2 * 1024 ** 3,
  rows: functions.flatMap((name, i) =>
    ["baseline", "faasmem"].map((system) => ({
      ...{ function: name, system, sandboxes: (system === "baseline" ? 4 : 9) + i * 3 },
      ...{ localBytes: 1.9 * 1024 ** 3, remoteBytes: system === "baseline" ? 0 : 3 * 1024 ** 3 },
    })),
  ),
});

export const fixtureValidation = (functions: readonly string[]): Documents["validation"] =>
  functions.flatMap((name, i) =>
    ["baseline", "faasmem"].map((system, k) => ({
      ...{ function: name, system, window: "low", memErrorPct: (i - 1) * 4 + k, p95ErrorPct: 9 - i * 6 + k },
    })),
  );

export const WINDOW_NOTE =
  "not the trace of 2021: windows of trace synthetic-2021 with the same load class instead (high = 2@502, low = 60@0)";

const SIX = ["0@25011", "3@27267", "4@0", "5@6168", "6@35316", "7@42167"];
const DENSITY_WINDOWS = [...SIX, "2@502", "8@52", "9@0", "10@0", "12@0", "17@0"];

/** A run of each experiment, of its full size. */
export function fixturePlans(): FixturePlan[] {
  const three = ["bert", "graph", "web"];
  const compared = ["baseline", "tmo", "faasmem"];
  const simulated = { mode: "simulate", windowNote: WINDOW_NOTE } as const;
  return [
    {
      experiment: "benchmarks",
      functions: allFunctions,
      systems: compared,
      windows: ["high", "low"],
      repeats: 3,
      ...simulated,
    },
    { experiment: "workloads", functions: three, systems: compared, windows: SIX, ...simulated },
    {
      ...{
        experiment: "ablation",
        functions: ["bert"],
        windows: ["common", "bursty"],
        windowS: 8 * 3600,
        samples: 900,
      },
      systems: ["baseline", "faasmem", "faasmem-no-pucket", "faasmem-no-semiwarm", "faasmem-no-recall"],
      ...{ requests: 300, ...simulated },
    },
    { experiment: "semiwarm", windows: [], documents: { semiwarm: fixtureSemiwarm() } },
    { experiment: "overhead", windows: [], documents: { barriers: fixtureBarriers(allFunctions) } },
    {
      ...{ experiment: "density", functions: three, windows: DENSITY_WINDOWS, ...simulated },
      documents: { density: fixtureDensity(three) },
    },
    { experiment: "quick", functions: ["web", "json", "graph"], heatmap: true },
    { experiment: "validate", windows: ["low"], documents: { validation: fixtureValidation(three) } },
  ];
}
