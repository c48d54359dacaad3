import { readFileSync } from "node:fs";
import { z } from "zod";
import { openEngine } from "../../ffi/index.ts";
import { engineFiles } from "../assets.ts";
import { startChild } from "../base/child.ts";
import { machine } from "../experiment/machine.ts";
import type { Reporter } from "../experiment/progress.ts";
import { measureHotness } from "./hotness.ts";
import { measureIdle } from "./idle.ts";
import { measureLimits } from "./limits.ts";
import { PagingBench } from "./paging.ts";
import { measureRerun } from "./rerun.ts";
import type { BenchResult } from "./result.ts";
import { measureZram, type ZramFigures } from "./zram.ts";

const serverReady = z.object({ address: z.string() });

/** What to measure. */
export interface BenchOptions {
  /** Idle sandboxes to attach; 0 leaves that out. */
  idle: number;
  /** May a zram swap device be set up for a moment? */
  allowSwap: boolean;
}

/** Anonymous resident memory of this process in bytes (RssAnon of proc_pid_status(5)). */
function ownMemory(): number {
  Bun.gc(true);
  const match = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return Number(match?.[1] ?? 0) * 1024;
}

/** After this long without work the engine has given its buffers back (fm_batches_trim, a tick of a second). */
const REST_MS = 2500;

/** Expected seconds of each part, for the progress display. */
const parts = {
  limits: 4,
  throughput: 8,
  local: 5,
  faults: 6,
  sweep: 13,
  hotness: 1,
  rerun: 15,
  idle: 15,
  zram: 16,
};

/** How long it will take, in seconds. */
export const benchSeconds = (options: BenchOptions): number =>
  Object.entries(parts).reduce(
    (sum, [name, seconds]) =>
      (name === "zram" && !options.allowSwap) || (name === "idle" && !options.idle) ? sum : sum + seconds,
    0,
  );

/** The engine without a memory server: its pages go to a store in its own process. */
async function measureLocal(): Promise<BenchResult["local"] & { wrongPages: number }> {
  const engine = openEngine({ pool: { localBytes: 2 * 1024 ** 3 }, ...(await engineFiles()) });
  try {
    const paging = await PagingBench.start(engine);
    try {
      const { evictGiBps, restoreGiBps } = await paging.throughput();
      return { evictGiBps, restoreGiBps, wrongPages: await paging.finish() };
    } catch (error) {
      await paging.stop();
      throw error;
    }
  } finally {
    engine.close();
  }
}

/**
 * Measures this machine with a memory server of its own on loopback, and the machine's limits beside it.
 * Every value is from this run.
 *
 * @throws FaasmemError NO_USERFAULTFD, KERNEL_TOO_OLD, BENCH_PROGRAM, ...
 */
export async function runBench(options: BenchOptions, progress: Reporter): Promise<BenchResult> {
  const notes: string[] = [];
  const part = async <T>(name: keyof typeof parts, work: () => Promise<T>): Promise<T> => {
    progress.begin(name);
    const result = await work();
    progress.end(parts[name], `bench: ${name}`);
    return result;
  };
  const server = await startChild(["server", "--port", "0", "--capacity", "2GiB", "--ready-json"], (value) =>
    serverReady.parse(value),
  );
  const [host, port] = server.ready.address.split(":") as [string, string];
  const engine = openEngine({
    pool: { host, port: Number(port) },
    ...(await engineFiles()),
  });
  try {
    const limits = await part("limits", measureLimits);
    const paging = await PagingBench.start(engine);
    let wrongPages: number;
    let measured: Pick<
      BenchResult,
      | "evictGiBps"
      | "evictFreshGiBps"
      | "evictUnchangedGiBps"
      | "restoreGiBps"
      | "faults"
      | "sweep"
      | "engineMemoryPct"
    >;
    try {
      const before = ownMemory();
      const remote = await paging.remoteBytes();
      await Bun.sleep(REST_MS);
      const engineMemoryPct = (Math.max(0, ownMemory() - before) / remote) * 100;
      await paging.restore();
      measured = {
        ...(await part("throughput", () => paging.throughput())),
        faults: await part("faults", () => paging.faults()),
        sweep: await part("sweep", () => paging.sweep()),
        engineMemoryPct,
      };
      wrongPages = await paging.finish();
    } catch (error) {
      await paging.stop();
      throw error;
    }
    const local = await part("local", measureLocal);
    wrongPages += local.wrongPages;
    const hotness = await part("hotness", () => measureHotness(engine, notes));
    const rerun = await part("rerun", () => measureRerun(engine, notes));
    let idle: BenchResult["idle"] = null;
    if (options.idle > 0) {
      const cpuPct = await part("idle", () => measureIdle(engine, server.process.pid, options.idle));
      idle = { sandboxes: options.idle, cpuPct };
    } else notes.push("idle: left out by --idle 0");
    let zram: Partial<ZramFigures> = {};
    if (options.allowSwap) {
      try {
        zram = await part("zram", measureZram);
      } catch (error) {
        notes.push(`zram: ${error instanceof Error ? error.message : String(error)}`);
      }
    } else notes.push("zram: not measured, because it changes swap settings; --allow-swap permits it");
    const { p50Us, p99Us } = measured.faults.find((one) => one.order === "random" && one.threads === 1)!;
    return {
      ...measured,
      local: { evictGiBps: local.evictGiBps, restoreGiBps: local.restoreGiBps },
      fault: { p50Us, p99Us },
      hotnessMsPer200MiB: hotness.ms,
      lookUsPerPage: hotness.lookUsPerPage,
      tracker: hotness.tracker,
      rerun,
      idle,
      limits: { ...limits, zramOutGiBps: null, zramInUsPerPage: null, ...zram.limits },
      swapPlane: zram.swapPlane ?? null,
      wrongPages: wrongPages + (zram.swapPlane?.wrongPages ?? 0),
      machine: machine(),
      notes,
    };
  } finally {
    engine.close();
    await server.stop();
  }
}
