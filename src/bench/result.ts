import type { Machine } from "../experiment/machine.ts";
import type { Tracker } from "../memory/engine.ts";

/** P50 and P99 of single-page faults, in microseconds. */
export interface FaultLatency {
  order: "sequential" | "random";
  threads: number;
  p50Us: number;
  p99Us: number;
}

/** One size of the fault-around window: time to walk a fully evicted process. */
export interface SweepPoint {
  /** Pages. */
  window: number;
  sequentialMs: number;
  randomMs: number;
}

/** What `faasmem bench` measured. `null`: could not be measured; `notes` says why. */
export interface BenchResult {
  evictGiBps: number;
  /** The same while the memory server takes memory from its kernel for the first time. */
  evictFreshGiBps: number;
  /** The same for pages that came back and were not changed: read and compared, not sent. */
  evictUnchangedGiBps: number;
  restoreGiBps: number;
  /** Eviction and restore with a store in the engine's own process: no network in the way. */
  local: { evictGiBps: number; restoreGiBps: number };
  /** Random order, one thread, one page a fault. */
  fault: { p50Us: number; p99Us: number };
  faults: FaultLatency[];
  sweep: SweepPoint[];
  hotnessMsPer200MiB: number | null;
  /** What a page costs the program more that it touches again after such a scan, in microseconds. */
  lookUsPerPage: number | null;
  /** The tracker that was measured. */
  tracker: Tracker;
  rerun: { program: string; residentMiB: number; warmMs: number; demandMs: number; recallMs: number };
  /** Memory that the engine takes at rest for each byte it manages remotely, in percent; its buffers of some MiB are gone then. */
  engineMemoryPct: number;
  /** Processor use of worker and agents with idle attached sandboxes, in percent of a core. */
  idle: { sandboxes: number; cpuPct: number } | null;
  limits: {
    memcpyGiBps: number;
    readvGiBps: number;
    loopbackGiBps: number;
    loopbackRoundTripUs: number;
    plainFaultUs: number;
    zramOutGiBps: number | null;
    zramInUsPerPage: number | null;
  };
  /**
   * The swap plane on the same zram device as `limits.zram*`: eviction from outside, bulk restore, and a walk through
   * what is away, in microseconds a page. Null without --allow-swap.
   */
  swapPlane: { evictGiBps: number; restoreGiBps: number; demandUsPerPage: number; wrongPages: number } | null;
  /** Pages of the measured process that read wrong at the end: anything but 0 is a defect. */
  wrongPages: number;
  machine: Machine;
  notes: string[];
}
