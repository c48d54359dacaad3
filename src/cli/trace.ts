import { mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { parseOption, positive } from "../base/units.ts";
import { formatTable } from "../report/table.ts";
import { openStore } from "../results/store.ts";
import { analyse, sourceOf } from "../trace/analysis.ts";
import { exportTrace } from "../trace/export.ts";
import { generateTrace, shapes } from "../trace/generate.ts";
import { importAzure2019 } from "../trace/import-2019.ts";
import { type ImportReport, importAzure2021 } from "../trace/import-2021.ts";
import { QUICK_TRACE, quickTrace } from "../trace/quick-trace.ts";
import { SYNTHESIS_2019, synthesized } from "../trace/synthesis.ts";
import type { Trace } from "../trace/trace.ts";

const seed = z.coerce
  .number()
  .int()
  .min(0)
  .max(2 ** 32);

interface ImportOptions {
  name?: string;
  strict?: boolean;
  replace?: boolean;
  durations?: string;
  spread: string;
  seed: string;
  json?: boolean;
}

export function command(): Command {
  const root = new Command("trace")
    .summary("import, generate, analyse and export invocation traces")
    .description("Imports, generates, analyses and exports invocation traces.");
  root
    .command("import <file>")
    .description(
      "Imports a file of the Azure Functions traces: 2021 (app,func,end_timestamp,duration) or 2019 (invocations per minute). Its header tells which.",
    )
    .option("--name <name>", "name of the trace (default: from the file's)")
    .option("--strict", "2021: stop at the first malformed row instead of skipping it")
    .option("--spread <how>", "2019: within a minute: uniform, exponential, equidistant", "uniform")
    .option("--seed <n>", "2019: seed of that", "1")
    .option("--durations <file>", "2019: the data set's file of durations (default: 0.1 s each)")
    .option("--replace", "overwrite a trace of this name")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem trace import AzureFunctionsInvocationTraceForTwoWeeksJan2021.txt --name azure2021\n  faasmem trace import invocations.csv --durations durations.csv --name azure2019",
    )
    .action(importTrace);
  root
    .command("generate <name>")
    .description(
      `Makes a trace of functions of a load shape, fitted to the Azure traces: ${shapes.join(", ")}.`,
    )
    .option("--shape <shape>", "how its functions are invoked", "rare")
    .option("--functions <n>", "number of functions", "10")
    .option("--hours <n>", "length", "2")
    .option("--seed <n>", "another seed, another trace", "1")
    .option("--replace", "overwrite a trace of this name")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem trace generate mine --shape bursty --functions 20 --hours 8",
    )
    .action(
      (name: string, options: Record<"shape" | "functions" | "hours" | "seed", string> & ImportOptions) => {
        const trace = generateTrace({
          name,
          shape: parseOption("--shape", z.enum(shapes), options.shape),
          functions: parseOption(
            "--functions",
            z.coerce.number().int().min(1).max(10_000),
            options.functions,
          ),
          hours: parseOption(
            "--hours",
            z.coerce
              .number()
              .positive()
              .max(24 * 31),
            options.hours,
          ),
          seed: parseOption("--seed", seed, options.seed),
        });
        keep(trace, options);
      },
    );
  root
    .command("stats <name>")
    .description(
      `What containers would do under this trace: cold starts, lifetimes, and how long they would be semi-warm, by load class. No server is needed. ${SYNTHESIS_2019}: 20,000 functions over 14 days, made as the trace of 2019 has them.`,
    )
    .option("--keep-alive <seconds>", "idle time after which a container ends", "600")
    .option("--percentile <p>", "semi-warm begins at this percentile of the reuse intervals", "99")
    .option("--execution-scale <n>", "requests take so much longer than in the trace", "1.2")
    .option("--out <dir>", "folder of the figure", ".")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem trace stats azure2021\n  faasmem trace stats quick --keep-alive 300 --json\n  faasmem trace stats synthetic-2019",
    )
    .action(showStats);
  root
    .command("export <name>")
    .description("Writes a trace for other tools: schema 2021 (each invocation) or 2019 (per minute).")
    .requiredOption("--out <file>", "file to write")
    .option("--schema <year>", "2021 or 2019", "2021")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem trace export quick --out quick.csv\n  faasmem trace export quick --schema 2019 --out quick-2019.csv",
    )
    .action(async (name: string, options: { out: string; schema: string }) => {
      const schema = parseOption("--schema", z.enum(["2021", "2019"]), options.schema);
      const trace = stored(name);
      const path = resolve(options.out);
      await exportTrace(trace, schema, path);
      console.log(`wrote ${path}`);
    });
  root
    .command("list")
    .description("Lists the traces that can be replayed.")
    .option("--json", "print JSON")
    .action((options: { json?: boolean }) => {
      const quick = quickTrace();
      const store = openStore();
      const all = [
        {
          name: quick.name,
          functions: 1,
          invocations: quick.functions[0]!.arrivals.length,
          spanS: quick.spanS,
          source: quick.source,
        },
        ...store.listTraces().map(({ name, functions, invocations, spanS, source }) => ({
          name,
          functions,
          invocations,
          spanS,
          source,
        })),
      ];
      store.close();
      if (options.json) console.log(JSON.stringify(all));
      else {
        console.log(
          formatTable(
            ["trace", "functions", "invocations", "span s", "source"],
            all.map((row) => [
              row.name,
              String(row.functions),
              String(row.invocations),
              row.spanS.toFixed(0),
              row.source,
            ]),
          ),
        );
      }
    });
  root
    .command("remove <name>")
    .description("Removes an imported trace.")
    .action((name: string) => {
      const store = openStore();
      store.removeTrace(name);
      store.close();
      console.log(`removed ${name}`);
    });
  return root;
}

async function importTrace(file: string, options: ImportOptions): Promise<void> {
  if (await isPerMinute(file)) {
    const trace = await importAzure2019(file, {
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.durations === undefined ? {} : { durations: options.durations }),
      spread: parseOption("--spread", z.enum(["uniform", "exponential", "equidistant"]), options.spread),
      seed: parseOption("--seed", seed, options.seed),
    });
    keep(trace, options);
    return;
  }
  const showProgress = process.stderr.isTTY && !options.json;
  const total = showProgress ? (statSync(file, { throwIfNoEntry: false })?.size ?? 0) : 0;
  const { trace, skipped, badRows, clamped } = await importAzure2021(file, {
    ...(options.name === undefined ? {} : { name: options.name }),
    strict: options.strict === true,
    progress: (bytes) => {
      if (showProgress) process.stderr.write(`\rreading ${Math.round((100 * bytes) / total)} %`);
    },
  });
  if (showProgress) process.stderr.write("\r\x1b[K");
  keep(trace, options, { skipped, badRows, clamped });
}

/** The header of the 2019 schema begins so. */
async function isPerMinute(file: string): Promise<boolean> {
  const start = await Bun.file(file)
    .slice(0, 64)
    .text()
    .catch(() => "");
  return start.replace(/^\uFEFF/, "").startsWith("HashOwner,");
}

/** Stores a trace and says what it is. */
function keep(
  trace: Trace,
  options: { replace?: boolean; json?: boolean },
  more: Partial<Pick<ImportReport, "skipped" | "badRows" | "clamped">> = {},
): void {
  if (trace.name === QUICK_TRACE) {
    throw new FaasmemError("RESERVED_NAME", `"${QUICK_TRACE}" is the embedded trace`, {
      fix: "choose another name",
      kind: "usage",
    });
  }
  const store = openStore();
  store.saveTrace(trace, { replace: options.replace === true });
  store.close();
  const { name, spanS } = trace;
  const rows = trace.functions.reduce((sum, fn) => sum + fn.arrivals.length, 0);
  const functions = trace.functions.length;
  if (options.json) console.log(JSON.stringify({ name, rows, functions, spanS, ...more }));
  else {
    console.log(`${name}: ${rows} invocations of ${functions} functions over ${spanS.toFixed(0)} s`);
    if (more.skipped) {
      console.log(`skipped ${more.skipped} malformed rows:`);
      for (const { line, reason } of more.badRows ?? []) console.log(`  line ${line}: ${reason}`);
    }
  }
}

/** @throws FaasmemError UNKNOWN_TRACE */
function stored(name: string): Trace {
  if (name === QUICK_TRACE) return quickTrace();
  const store = openStore();
  try {
    return store.loadTrace(name);
  } finally {
    store.close();
  }
}

interface StatsOptions {
  keepAlive: string;
  percentile: string;
  executionScale: string;
  out: string;
  json?: boolean;
}

async function showStats(name: string, options: StatsOptions): Promise<void> {
  const { statsTable, writeTraceFigure } = await import("../report/trace-stats.ts");
  const source = name === SYNTHESIS_2019 ? synthesized() : sourceOf(stored(name));
  const live = process.stderr.isTTY && !options.json;
  const chosen = {
    keepAliveS: parseOption("--keep-alive", positive, options.keepAlive),
    percentile: parseOption("--percentile", z.coerce.number().min(0).max(100), options.percentile),
    executionScale: parseOption(
      "--execution-scale",
      z.coerce.number().min(0).max(1000),
      options.executionScale,
    ),
  };
  const classes = await analyse(source, chosen, (done, of) => {
    if (live) process.stderr.write(done === of ? "\r\x1b[K" : `\r${done} of ${of} functions`);
  });
  if (options.json) {
    const shown = classes.map(({ semiWarmShare: _, lifetimeS: __, ...one }) => one);
    console.log(JSON.stringify({ trace: name, classes: shown }));
  } else console.log(statsTable(classes));
  const out = resolve(options.out);
  mkdirSync(out, { recursive: true });
  const path = join(out, `faasmem-trace-${name}.svg`);
  console.error(`figure: ${await writeTraceFigure(classes, { trace: name, ...chosen }, path)}`);
}
