import { mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { parseOption, positive, share } from "../base/units.ts";
import { formatTable } from "../report/table.ts";
import { openStore } from "../results/store.ts";
import { analyse, sourceOf } from "../trace/analysis.ts";
import { exportTrace } from "../trace/export.ts";
import { schemaOf } from "../trace/files.ts";
import { fitTrace, SHOWN } from "../trace/fit.ts";
import { generateTrace, shapes } from "../trace/generate.ts";
import { importAzure2019 } from "../trace/import-2019.ts";
import { importAzure2021 } from "../trace/import-2021.ts";
import { importTidy } from "../trace/import-tidy.ts";
import { QUICK_TRACE, quickTrace } from "../trace/quick-trace.ts";
import type { ImportReport } from "../trace/report.ts";
import { spreads } from "../trace/spread.ts";
import { SYNTHESIS_2019, synthesized } from "../trace/synthesis.ts";
import { SYNTHETIC_TRACE, syntheticTrace } from "../trace/synthetic-trace.ts";
import type { Trace } from "../trace/trace.ts";

const seed = z.coerce
  .number()
  .int()
  .min(0)
  .max(2 ** 32);

/** Names that no imported or generated trace may take. */
const reservedTraces = [QUICK_TRACE, SYNTHETIC_TRACE, SYNTHESIS_2019];
const sample = share.refine((value) => value > 0 && value <= 1, "expected more than 0 and at most 100 %");

interface ImportOptions {
  sample?: string;
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
      "Imports a file of the Azure Functions traces, 2021 (app,func,end_timestamp,duration) or 2019 (invocations per minute), or the artifact's trace_tidy.json. How it begins tells which.",
    )
    .option("--name <name>", "name of the trace (default: from the file's)")
    .option("--strict", "stop at the first malformed row instead of skipping it")
    .option("--spread <how>", "2019: within a minute: uniform, exponential, equidistant", "uniform")
    .option("--seed <n>", "2019: seed of that", "1")
    .option("--durations <file>", "2019: the data set's file of durations (default: 0.1 s each)")
    .option("--sample <share>", "2019: take each function with this probability, for example 1%")
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
    .command("fit <name>")
    .description(
      "How near the generator's shapes are to a trace: quantiles side by side, and the Kolmogorov-Smirnov distance.",
    )
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  faasmem trace fit azure2019")
    .action(async (name: string, options: { json?: boolean }) => {
      const fits = fitTrace(stored(name));
      const { fitTable } = await import("../report/trace-fit.ts");
      console.log(options.json ? JSON.stringify({ trace: name, quantiles: SHOWN, fits }) : fitTable(fits));
    });
  root
    .command("export <name>")
    .description("Writes a trace for other tools: schema 2021 (each invocation) or 2019 (per minute).")
    .requiredOption("--out <file>", "file to write")
    .option("--schema <year>", "2021 or 2019", "2021")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem trace export quick --out quick.csv\n  faasmem trace export quick --schema 2019 --out quick-2019.csv",
    )
    .action((name: string, options: { out: string; schema: string }) => {
      const schema = parseOption("--schema", z.enum(["2021", "2019"]), options.schema);
      const trace = stored(name);
      const path = resolve(options.out);
      exportTrace(trace, schema, path);
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
  const live = process.stderr.isTTY && !options.json;
  const total = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const shared = {
    name: options.name,
    strict: options.strict === true,
    progress: (bytes: number) => {
      if (live) process.stderr.write(`\rreading ${Math.round((100 * bytes) / total)} %`);
    },
  };
  const schema = await schemaOf(file);
  const report =
    schema === "2019"
      ? await importAzure2019(file, {
          ...shared,
          durations: options.durations,
          spread: parseOption("--spread", z.enum(spreads), options.spread),
          seed: parseOption("--seed", seed, options.seed),
          sample: options.sample === undefined ? undefined : parseOption("--sample", sample, options.sample),
        })
      : await (schema === "tidy" ? importTidy(file, shared) : importAzure2021(file, shared));
  if (live) process.stderr.write("\r\x1b[K");
  keep(report.trace, options, report);
}

/** Stores a trace and says what it is. */
function keep(
  trace: Trace,
  options: { replace?: boolean; json?: boolean },
  report?: Omit<ImportReport, "trace">,
): void {
  if (reservedTraces.includes(trace.name)) {
    throw new FaasmemError("RESERVED_NAME", `"${trace.name}" is a built-in trace`, {
      fix: "choose another name",
      kind: "usage",
    });
  }
  const store = openStore();
  try {
    store.saveTrace(trace, { replace: options.replace === true });
  } finally {
    store.close();
  }
  const { name, spanS } = trace;
  const invocations = trace.functions.reduce((sum, fn) => sum + fn.arrivals.length, 0);
  const functions = trace.functions.length;
  if (options.json) {
    const { skipped, badRows, clamped, sha256, notes } = report ?? {};
    const read = report ? { skipped, badRows, clamped, sha256, notes } : {};
    console.log(JSON.stringify({ name, rows: invocations, functions, spanS, ...read }));
    return;
  }
  console.log(`${name}: ${invocations} invocations of ${functions} functions over ${spanS.toFixed(0)} s`);
  if (!report) return;
  if (report.skipped > 0) {
    console.log(`skipped ${report.skipped} malformed rows:`);
    for (const { line, reason } of report.badRows) console.log(`  line ${line}: ${reason}`);
  }
  if (report.clamped > 0) console.log(`${report.clamped} invocations began before 0: they begin at 0`);
  for (const note of report.notes) console.log(`note: ${note}`);
  console.log(`sha256 of the file: ${report.sha256}`);
}

/** @throws FaasmemError UNKNOWN_TRACE */
function stored(name: string): Trace {
  if (name === QUICK_TRACE) return quickTrace();
  if (name === SYNTHETIC_TRACE) return syntheticTrace();
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
