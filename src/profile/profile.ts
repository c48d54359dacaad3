import { contextsOf } from "../../benchmarks/index.ts";
import { assets } from "../assets.ts";
import { FaasmemError } from "../base/errors.ts";
import { median } from "../base/quantile.ts";
import type { PageSet, Tracker } from "../memory/engine.ts";
import { Pucket } from "../memory/pucket.ts";
import { builtInFunction, unpack } from "../node/functions.ts";
import type { MemoryEngine, SandboxSpace } from "../sandbox/attachment.ts";
import { memoryUsage } from "../sandbox/memory-usage.ts";
import { Sandbox } from "../sandbox/sandbox.ts";
import { type BarrierCosts, measureBarriers } from "./barriers.ts";
import { measureLatency } from "./latency.ts";
import { type FunctionModel, MODEL_VERSION } from "./model.ts";
import { Numbering } from "./numbering.ts";
import { fastPaces, Observer, slowPaces, steadyPaces, Turn, type Watch } from "./observe.ts";

/** Smallest, middle and largest of some values. */
export interface Spread {
  min: number;
  median: number;
  max: number;
}

/** A segment of a sandbox's memory, in pages of 4 KiB. */
export interface Segment {
  pages: number;
  /** How many of them a request touches. */
  touched: Spread;
}

/** What one function's sandbox holds, and what its requests touch and cost. The input of the simulator. */
export interface FunctionProfile {
  function: string;
  requests: number;
  seed: number;
  tracker: Tracker;
  /** From spawn to the first answer, and what of it was the init stage; milliseconds. */
  coldStartMs: number;
  initMs: number;
  /** Proportional set size after launch, after init and after the first request; bytes. */
  residentBytes: { launch: number; init: number; firstRequest: number };
  /** Private anonymous pages by the stage that allocated them; `execution` as of the end. */
  segments: { runtime: Segment; init: Segment; execution: Segment };
  durationMs: Spread;
  /** Processor time of a request, all threads; milliseconds. */
  cpuMs: Spread;
  /** For the simulator; absent in profiles of older versions. */
  model?: FunctionModel;
}

/** This process and the memory server. */
const OTHERS = 2;
/** Sandboxes whose time barriers are measured, and how often their hot pages are rolled back. */
const BARRIERS = { sandboxes: 3, rollbacks: 2 };
/** Sandboxes at the pace of replays: how much garbage one holds is decided by luck in its first requests, and stays so. */
const STEADY = 2;

function spread(values: number[]): Spread {
  return { min: Math.min(...values), median: median(values), max: Math.max(...values) };
}

/**
 * Runs a function's sandbox by itself, nothing moved away, and notes what it holds and what requests touch.
 *
 * @param options.requests of the first sandbox, with the function's own distribution of inputs
 * @param options.signal ends it: its reason is thrown before the next request
 * @throws FaasmemError NO_TRACKER, UNKNOWN_FUNCTION, SANDBOX_START, FUNCTION_ERROR, ...
 */
export async function profileFunction(
  name: string,
  options: {
    engine: MemoryEngine;
    runFolder: string;
    requests: number;
    seed: number;
    signal: AbortSignal;
  },
): Promise<FunctionProfile> {
  const { engine, runFolder, requests, seed, signal } = options;
  const tracker = engine.useTracker("auto");
  if (tracker === "refault") {
    throw new FaasmemError("NO_TRACKER", "what a request touches cannot be seen on this machine", {
      fix: "run as root on a kernel with BTF (Linux 6.2 or newer)",
    });
  }
  const spec = await builtInFunction(name, runFolder);
  const hostPath = await unpack(assets.host, `${runFolder}/host.js`);
  const environment = (await spec.environment?.()) ?? {};
  const start = (
    which: string,
    onReady: (space: SandboxSpace) => Promise<void>,
    onLoaded: () => Promise<void>,
  ) =>
    Sandbox.start({
      name: `profile-${name}-${which}`,
      runFolder,
      hostPath,
      modulePath: spec.modulePath,
      environment,
      attachment: engine.prepare(),
      onReady: (space) => onReady(space!),
      onLoaded,
    });
  let runtime: Pucket | undefined;
  let [launchBytes, readyAt, loadedAt] = [0, 0, 0];
  const started = performance.now();
  let measuring = 0; // time that the measurement itself took on the way
  const sandbox = await start(
    "fast",
    async (space) => {
      readyAt = performance.now();
      runtime = new Pucket(await space.snapshot(), space);
      launchBytes = await memoryUsage(space.pid);
      measuring += performance.now() - readyAt;
    },
    async () => {
      loadedAt = performance.now();
    },
  );
  const others: Sandbox[] = [];
  try {
    const space = sandbox.space!;
    const draw = contextsOf(name, seed);
    const init = new Pucket((await space.snapshot()).subtract(runtime!.pages), space);
    const known = runtime!.pages.union(init.pages);
    const initBytes = await sandbox.localBytes();
    await space.clearTouched(); // what the init stage touched says nothing about requests
    const watch: Watch = { turn: new Turn(signal), numbering: new Numbering(), draw, reference: space };
    const observer = new Observer(sandbox, space, watch);
    const first = performance.now();
    await observer.request(0);
    const coldStartMs = performance.now() - first + (loadedAt - started) - measuring;
    const firstRequest = await sandbox.localBytes();

    const another = async (which: string) => {
      let atReady = space.empty();
      const other = await start(
        which,
        async (own) => {
          atReady = await own.snapshot();
        },
        async () => {},
      );
      others.push(other);
      const atLoaded = await other.space!.snapshot();
      await other.space!.clearTouched();
      const observed = new Observer(other, other.space!, watch);
      const life = () => observed.life(atReady, atLoaded, []);
      return { observed, life };
    };
    const slow = await another("slow");
    const steady: Awaited<ReturnType<typeof another>>[] = [];
    for (let i = 1; i <= STEADY; i++) steady.push(await another(`steady-${i}`));
    const fastLife = async () => {
      await observer.run(fastPaces, requests);
      return observer.life(runtime!.pages, known, await observer.rest());
    };
    const slowLife = async () => {
      await slow.observed.request(0);
      await slow.observed.run(slowPaces, requests);
      return slow.life();
    };
    const steadyLife = async ({ observed, life }: (typeof steady)[number]) => {
      await observed.request(0);
      await observed.releaseFiles();
      await observed.run(steadyPaces, requests);
      return life();
    };
    const lives = await Promise.all([fastLife(), slowLife(), ...steady.map(steadyLife)]);
    const unmanagedBytes = await observer.unmanagedBytes();
    const latency = await measureLatency(name, draw, watch.turn);
    const barriers: BarrierCosts[] = [];
    for (let i = 0; i < BARRIERS.sandboxes; i++) {
      signal.throwIfAborted();
      const { rollbacks } = BARRIERS;
      barriers.push(await measureBarriers(name, { engine, runFolder, seed: seed + i, rollbacks }));
    }
    const all = await space.snapshot();
    const observed = observer.steps.slice(1);
    const sharers = OTHERS + lives.length;
    const files = { ...(await observer.files(sharers)), early: steady[0]!.observed.fileBytes(sharers) };
    const segment = (pages: PageSet, of: (touched: PageSet) => PageSet): Segment => ({
      pages: pages.pages,
      touched: spread(observed.map(({ touchedPages }) => of(touchedPages).pages)),
    });
    return {
      function: name,
      requests,
      seed,
      tracker,
      coldStartMs,
      initMs: loadedAt - readyAt - measuring,
      residentBytes: { launch: launchBytes, init: initBytes, firstRequest },
      segments: {
        runtime: segment(runtime!.pages, (touched) => touched.intersect(runtime!.pages)),
        init: segment(init.pages, (touched) => touched.intersect(init.pages)),
        execution: segment(all.subtract(known), (touched) => touched.subtract(known)),
      },
      durationMs: spread(observed.map(({ durationMs }) => durationMs)),
      cpuMs: spread(observed.map((one) => one.cpuMs)),
      model: {
        version: MODEL_VERSION,
        lives: lives.map((life) => life()),
        unmanagedBytes,
        files,
        latencies: [latency],
        barriers,
      },
    };
  } finally {
    await Promise.all([sandbox, ...others].map((one) => one.stop()));
  }
}
