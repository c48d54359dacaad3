import { statSync } from "node:fs";
import { Command } from "commander";
import { FaasmemError } from "../base/errors.ts";
import { formatTable } from "../report/table.ts";
import { openStore } from "../results/store.ts";
import { importAzure2021 } from "../trace/import-2021.ts";
import { QUICK_TRACE, quickTrace } from "../trace/quick-trace.ts";

export function command(): Command {
  const root = new Command("trace")
    .summary("import and list invocation traces")
    .description("Imports and lists invocation traces.");
  root
    .command("import <file>")
    .description(
      "Imports a file of the Azure Functions Invocation Trace 2021 (app,func,end_timestamp,duration).",
    )
    .option("--name <name>", "name of the trace (default: from the file's)")
    .option("--strict", "stop at the first malformed row instead of skipping it")
    .option("--replace", "overwrite a trace of this name")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem trace import AzureFunctionsInvocationTraceForTwoWeeksJan2021.txt --name azure2021",
    )
    .action(
      async (
        file: string,
        options: { name?: string; strict?: boolean; replace?: boolean; json?: boolean },
      ) => {
        const showProgress = process.stderr.isTTY && !options.json;
        const total = showProgress ? (statSync(file, { throwIfNoEntry: false })?.size ?? 0) : 0;
        const report = await importAzure2021(file, {
          ...(options.name === undefined ? {} : { name: options.name }),
          strict: options.strict === true,
          progress: (bytes) => {
            if (showProgress) process.stderr.write(`\rreading ${Math.round((100 * bytes) / total)} %`);
          },
        });
        if (showProgress) process.stderr.write("\r\x1b[K");
        if (report.trace.name === QUICK_TRACE) {
          throw new FaasmemError("RESERVED_NAME", `"${QUICK_TRACE}" is the embedded trace`, {
            fix: "choose another --name",
            kind: "usage",
          });
        }
        const store = openStore();
        store.saveTrace(report.trace, { replace: options.replace === true });
        store.close();
        const { trace, rows, skipped, badRows, clamped } = report;
        if (options.json) {
          console.log(
            JSON.stringify({
              name: trace.name,
              rows,
              functions: trace.functions.length,
              spanS: trace.spanS,
              skipped,
              badRows,
              clamped,
            }),
          );
          return;
        }
        console.log(
          `${trace.name}: ${rows} invocations of ${trace.functions.length} functions over ${trace.spanS.toFixed(0)} s`,
        );
        if (skipped) {
          console.log(`skipped ${skipped} malformed rows:`);
          for (const { line, reason } of badRows) console.log(`  line ${line}: ${reason}`);
        }
      },
    );
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
