import type { BenchResult } from "../bench/result.ts";
import { formatTable } from "./table.ts";

const fixed = (value: number | null, digits: number, unit: string) =>
  value === null ? "-" : `${value.toFixed(digits)} ${unit}`;

/** The result of `faasmem bench` as text: each figure beside the limit that bounds it. */
export function benchTables(result: BenchResult): string {
  const { limits, rerun, swapPlane } = result;
  const share = (value: number, of: number) => `${Math.round((value / of) * 100)} %`;
  const main = formatTable(
    ["figure", "measured", "limit of this machine", "share"],
    [
      [
        "eviction to a server on loopback",
        fixed(result.evictGiBps, 2, "GiB/s"),
        `one TCP stream ${fixed(limits.loopbackGiBps, 2, "GiB/s")}`,
        share(result.evictGiBps, limits.loopbackGiBps),
      ],
      ["the same, into memory the server never wrote to", fixed(result.evictFreshGiBps, 2, "GiB/s"), "", ""],
      [
        "eviction of pages that came back unchanged",
        fixed(result.evictUnchangedGiBps, 2, "GiB/s"),
        `process_vm_readv ${fixed(limits.readvGiBps, 2, "GiB/s")}`,
        share(result.evictUnchangedGiBps, limits.readvGiBps),
      ],
      [
        "bulk restore",
        fixed(result.restoreGiBps, 2, "GiB/s"),
        `one TCP stream ${fixed(limits.loopbackGiBps, 2, "GiB/s")}`,
        share(result.restoreGiBps, limits.loopbackGiBps),
      ],
      [
        "eviction to a store in this process",
        fixed(result.local.evictGiBps, 2, "GiB/s"),
        `process_vm_readv ${fixed(limits.readvGiBps, 2, "GiB/s")}`,
        share(result.local.evictGiBps, limits.readvGiBps),
      ],
      ["bulk restore from there", fixed(result.local.restoreGiBps, 2, "GiB/s"), "", ""],
      [
        "single random fault, P50",
        fixed(result.fault.p50Us, 1, "us"),
        `round trip ${fixed(limits.loopbackRoundTripUs, 1, "us")}, zero fault ${fixed(limits.plainFaultUs, 1, "us")}`,
        "",
      ],
      ["single random fault, P99", fixed(result.fault.p99Us, 1, "us"), "", ""],
      [
        `run again after full eviction (${rerun.program}, ${rerun.residentMiB.toFixed(0)} MiB)`,
        `demand ${fixed(rerun.demandMs, 0, "ms")}`,
        `warm ${fixed(rerun.warmMs, 0, "ms")}`,
        share(rerun.demandMs, rerun.warmMs),
      ],
      [
        "the same with its recorded working set prefetched",
        fixed(rerun.recallMs, 0, "ms"),
        `warm ${fixed(rerun.warmMs, 0, "ms")}`,
        share(rerun.recallMs, rerun.warmMs),
      ],
      [`hotness scan of 200 MiB (${result.tracker})`, fixed(result.hotnessMsPer200MiB, 2, "ms"), "", ""],
      ["engine's memory, of what it manages", fixed(result.engineMemoryPct, 2, "%"), "", ""],
      [
        result.idle ? `processor with ${result.idle.sandboxes} idle sandboxes` : "processor when idle",
        fixed(result.idle?.cpuPct ?? null, 2, "% of a core"),
        "",
        "",
      ],
      ...(swapPlane ? swapRows(swapPlane, limits) : []),
      ["memcpy", "", fixed(limits.memcpyGiBps, 2, "GiB/s"), ""],
      ["process_vm_readv", "", fixed(limits.readvGiBps, 2, "GiB/s"), ""],
      [
        "zram swap: out, in",
        "",
        `${fixed(limits.zramOutGiBps, 2, "GiB/s")}, ${fixed(limits.zramInUsPerPage, 1, "us a page")}`,
        "",
      ],
    ],
  );
  const faults = formatTable(
    ["faults", "threads", "P50 us", "P99 us"],
    result.faults.map((one) => [one.order, String(one.threads), one.p50Us.toFixed(1), one.p99Us.toFixed(1)]),
  );
  const sweep = formatTable(
    ["fault-around pages", "256 MiB in order, ms", "in random order, ms"],
    result.sweep.map((one) => [String(one.window), one.sequentialMs.toFixed(0), one.randomMs.toFixed(0)]),
  );
  const intact =
    result.wrongPages === 0
      ? "every byte was compared at the end: intact"
      : `WRONG: ${result.wrongPages} pages came back with other bytes; this is a defect, report it`;
  return [main, "", faults, "", sweep, "", intact, ...result.notes.map((note) => `note: ${note}`)].join("\n");
}

/** The swap plane beside a program that pages itself out and touches its pages, on the same device in the same run. */
function swapRows(plane: NonNullable<BenchResult["swapPlane"]>, limits: BenchResult["limits"]): string[][] {
  const [out, inUs] = [limits.zramOutGiBps!, limits.zramInUsPerPage!];
  const share = (value: number, of: number) => `${Math.round((value / of) * 100)} %`;
  const bareIn = 4096 / 1024 ** 3 / (inUs / 1e6);
  return [
    [
      "swap plane: eviction",
      fixed(plane.evictGiBps, 2, "GiB/s"),
      `MADV_PAGEOUT ${fixed(out, 2, "GiB/s")}`,
      share(plane.evictGiBps, out),
    ],
    [
      "swap plane: bulk restore",
      fixed(plane.restoreGiBps, 2, "GiB/s"),
      `touching ${fixed(bareIn, 2, "GiB/s")}`,
      share(plane.restoreGiBps, bareIn),
    ],
    [
      "swap plane: walk by faults",
      fixed(plane.demandUsPerPage, 1, "us a page"),
      `${fixed(inUs, 1, "us a page")}`,
      "",
    ],
  ];
}
