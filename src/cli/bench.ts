import { Command } from "commander";
import { z } from "zod";
import { parseOption } from "../base/units.ts";
import { versionText } from "../base/version.ts";
import { benchTables } from "../report/bench-table.ts";
import { openStore } from "../results/store.ts";

interface BenchCliOptions {
  idle: string;
  allowSwap?: boolean;
  json?: boolean;
  quiet?: boolean;
}

const sandboxes = z.coerce.number().int().min(0).max(1000);

export function command(): Command {
  return new Command("bench")
    .summary("measure this machine: eviction, restore, faults, and its limits")
    .description(
      "Measures eviction, restore and fault latency of the memory engine on this machine, with a memory server of its own on loopback, beside what the machine can do at best. Takes about a minute and 1 GiB.",
    )
    .option("--idle <n>", "idle sandboxes to attach for the idle cost, 0 = leave it out", "200")
    .option("--allow-swap", "set up a zram swap device for a moment, to compare with it (root)")
    .option("--json", "print JSON instead of tables")
    .option("--quiet", "no progress")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem bench\n  faasmem bench --allow-swap --json\n  faasmem bench --idle 0 --quiet",
    )
    .action(async (options: BenchCliOptions) => {
      const idle = parseOption("--idle", sandboxes, options.idle);
      const [{ runBench, benchSeconds }, { Progress }] = await Promise.all([
        import("../bench/bench.ts"),
        import("../experiment/progress.ts"),
      ]);
      const settings = { idle, allowSwap: options.allowSwap === true };
      const progress = new Progress(benchSeconds(settings), { quiet: options.quiet === true });
      try {
        const result = await runBench(settings, progress);
        progress.stop();
        const store = openStore();
        store.saveBench(result, versionText());
        store.close();
        console.log(options.json ? JSON.stringify(result) : benchTables(result));
        if (result.wrongPages > 0) process.exitCode = 1;
      } finally {
        progress.stop();
      }
    });
}
