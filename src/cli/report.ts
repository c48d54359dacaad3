import { join, resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { parseOption, runNumbers } from "../base/units.ts";
import { openStore } from "../results/store.ts";

interface ReportOptions {
  out: string;
  format: string;
  run?: string;
  json?: boolean;
}

export function command(): Command {
  return new Command("report")
    .summary("the paper's claims beside what was measured here")
    .description(
      "Writes one file that holds each claim of the paper beside what the stored runs show: numbers with confidence intervals, a verdict by a stated rule, figures, machine, and the command to redo it.",
    )
    .option("--out <dir>", "folder of the files", ".")
    .option("--format <format>", "html, md or both", "html")
    .option("--run <numbers>", "runs to take instead of the newest of their experiments, by commas")
    .option("--json", "print verdicts and the names of the files as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem report\n  faasmem report --format both --out results\n  faasmem report --run 3,7 --json",
    )
    .action(async (options: ReportOptions) => {
      const format = parseOption("--format", z.enum(["html", "md", "both"]), options.format);
      const runs = options.run === undefined ? [] : parseOption("--run", runNumbers, options.run);
      const [{ reportContent, summaryOf }, { writeWhole }] = await Promise.all([
        import("../report/page/content.ts"),
        import("../report/export/atomic.ts"),
      ]);
      const store = openStore();
      try {
        const content = reportContent(store, { runs, writtenAt: new Date() });
        const path = (ending: string) => join(resolve(options.out), `faasmem-report.${ending}`);
        const files: string[] = [];
        if (format !== "md") {
          const { htmlReport } = await import("../report/page/html-page.ts");
          files.push(writeWhole(path("html"), await htmlReport(content)));
        }
        if (format !== "html") {
          const { markdownReport } = await import("../report/page/markdown-page.ts");
          files.push(writeWhole(path("md"), markdownReport(content)));
        }
        if (options.json) {
          console.log(JSON.stringify({ files, claims: content.claims }));
          return;
        }
        for (const { title, verdict } of content.claims) console.log(`${verdict.padEnd(16)}${title}`);
        console.log(`\n${summaryOf(content.claims)}\n${files.join("\n")}`);
      } finally {
        store.close();
      }
    });
}
