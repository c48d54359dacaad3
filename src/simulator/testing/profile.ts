import { encodeRuns, PageRuns, pageRange } from "../../memory/page-runs.ts";
import { type FunctionModel, MODEL_VERSION } from "../../profile/model.ts";
import type { FunctionProfile } from "../../profile/profile.ts";
import type { simulatorInputs } from "../inputs.ts";

/** Bytes. */
export const PAGE = 4096;
/** Pages of the Runtime Pucket, and of everything. */
export const RUNTIME = 2048;
export const PAGES = 10_240;
/** What a request touches: eight blocks of the Init Pucket, no two of them neighbours. */
const BLOCKS = Array.from({ length: 8 }, (_, i) => 6400 + i * 128);
const TOUCHED = new PageRuns(Int32Array.from(BLOCKS.flatMap((start) => [start, start + 64])));
const spread = { min: 1000, median: 1000, max: 1000 };

/** A function whose sandboxes hold 2048 runtime and 8192 init pages; a start takes 1 s, a request 1 s, a node adds 2 ms. */
export const model: FunctionModel = {
  version: MODEL_VERSION,
  lives: [
    {
      ready: encodeRuns(pageRange(0, RUNTIME)),
      loaded: encodeRuns(pageRange(0, PAGES)),
      steps: [0, 5000].map((gapMs) => ({
        gapMs,
        idle: [],
        durationMs: 1000,
        cpuMs: 1000,
        touched: encodeRuns(TOUCHED),
        resident: encodeRuns(pageRange(0, PAGES)),
      })),
      rest: [],
    },
  ],
  unmanagedBytes: 0,
  files: {
    whole: { shared: 12 * 2 ** 20, own: 0 },
    released: { shared: 12 * 2 ** 20, own: 0 },
    used: { shared: 12 * 2 ** 20, own: 0 },
    early: { shared: 12 * 2 ** 20, own: 0 },
  },
  latencies: [
    {
      coldMs: 2002,
      alone: [{ gapMs: 0, requests: [{ input: "", durationMs: 1000, addedMs: 2 }] }],
      slowdown: [{ requests: 2, factor: 1 }],
    },
  ],
  barriers: [],
};

export const profile: FunctionProfile = {
  function: "fn",
  requests: 2,
  seed: 1,
  tracker: "ebpf",
  coldStartMs: 2000,
  initMs: 500,
  residentBytes: { launch: 0, init: 0, firstRequest: 0 },
  segments: {
    runtime: { pages: RUNTIME, touched: spread },
    init: { pages: PAGES - RUNTIME, touched: spread },
    execution: { pages: 0, touched: spread },
  },
  durationMs: spread,
  cpuMs: spread,
  model,
};

/** Machine: 1 ms a fault and 0.1 ms for each of its pages, 0.05 ms a page in bulk, 0.01 ms a page out. */
const sweep = [1, 4, 16, 64].map((window) => ({
  window,
  sequentialMs: 0,
  randomMs: (65_536 / window) * (1 + 0.1 * window),
}));
const gibps = (msPerPage: number) => PAGE / 2 ** 30 / (msPerPage / 1000);
const bench = {
  sweep,
  lookUsPerPage: 0,
  restoreGiBps: gibps(0.05),
  evictGiBps: gibps(0.01),
  machine: { cores: 2 },
};
/** A store that holds this machine's costs and these profiles. */
export const store = (profiles: FunctionProfile[], benches = true) =>
  ({
    loadBench: () => (benches ? { bench } : null),
    listProfiles: () => profiles.map((one) => ({ profile: one })),
  }) as unknown as Parameters<typeof simulatorInputs>[0];
