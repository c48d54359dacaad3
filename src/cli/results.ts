import { resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { parseOption } from "../base/units.ts";
import { openStore } from "../results/store.ts";

export function command(): Command {
  const root = new Command("results")
    .summary("exchange results with the original's artifact")
    .description("Exchanges results with FaaSMem's public artifact.");
  root
    .command("import <dir>")
    .description(
      "Imports the result files of the artifact's test scripts as one run: of the experiment that they fit, else of `artifact`. Files that are bad or lack their partner are named; the others are imported.",
    )
    .option(
      "--experiment <name>",
      "only what belongs to benchmarks, workloads, ablation, density or overhead",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem results import FaaSMem/FaaSMem-core/test/simple/result\n  faasmem results import result --experiment workloads --json",
    )
    .action(importRun);
  root
    .command("export")
    .description("Writes a run as the artifact's test scripts write theirs, for its draw scripts.")
    .requiredOption("--out <dir>", "folder to write to")
    .option("--run <number>", "run (default: the newest; see: faasmem experiment list)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem results export --out result\n  faasmem results export --run 3 --out result --json",
    )
    .action(exportRun);
  return root;
}

async function importRun(dir: string, options: { experiment?: string; json?: boolean }): Promise<void> {
  const [{ importResults }, { matrices }] = await Promise.all([
    import("../artifact/import.ts"),
    import("../artifact/matrices.ts"),
  ]);
  const store = openStore();
  const live = process.stderr.isTTY && !options.json;
  try {
    const result = importResults(dir, store, {
      matrices,
      experiment: options.experiment,
      onCell: (done, of) => {
        if (live) process.stderr.write(`\r${done} of ${of} cells${done === of ? "\n" : ""}`);
      },
    });
    if (options.json) console.log(JSON.stringify(result));
    else {
      const barriers = result.barriers > 0 ? `, barriers of ${result.barriers} functions` : "";
      console.log(`run ${result.run}: ${result.cells} cells of ${result.experiment}${barriers}`);
      if (result.leftOut > 0) console.log(`left out: ${result.leftOut} cells of other experiments`);
    }
    for (const { file, reason } of result.skipped) console.error(`skipped ${file}: ${reason}`);
    process.exitCode = result.skipped.length > 0 ? 1 : 0;
  } finally {
    store.close();
  }
}

async function exportRun(options: { out: string; run?: string; json?: boolean }): Promise<void> {
  const number = z.coerce.number().int().min(1);
  const { exportResults } = await import("../artifact/export.ts");
  const store = openStore();
  try {
    const id = options.run === undefined ? undefined : parseOption("--run", number, options.run);
    const content = store.loadRun(id);
    const out = resolve(options.out);
    const barriers = store.loadDocument(content.run.id, "barriers");
    const { files, leftOut } = exportResults({ ...content, barriers }, out);
    if (options.json) console.log(JSON.stringify({ run: content.run.id, out, files, leftOut }));
    else console.log(`run ${content.run.id}: wrote ${files.length} files to ${out}`);
    for (const { what, reason } of leftOut) console.error(`left out ${what}: ${reason}`);
  } finally {
    store.close();
  }
}
