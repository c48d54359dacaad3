import { resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { parseOption, runNumbers } from "../base/units.ts";
import { formatTable } from "../report/table.ts";
import { openStore } from "../results/store.ts";

interface PlotOptions {
  run?: string;
  format?: string;
  function?: string;
  window?: string;
  out: string;
  list?: boolean;
  json?: boolean;
}

export function command(): Command {
  return new Command("plot")
    .summary("figures and tables from stored results")
    .description(
      "Draws figures and writes tables of results that are stored: NAME is an experiment or a figure (see --list). Without --format it prints the tables.",
    )
    .argument("[name]", "experiment or figure")
    .option("--list", "list what can be drawn, and from which run")
    .option(
      "--run <numbers>",
      "run to draw (default: the newest that has it); several, by commas, in one figure",
    )
    .option("--format <formats>", "svg, pdf, png (figures), md, csv, tex (tables); several by commas")
    .option("--function <names>", "only these functions")
    .option("--window <labels>", "only these windows")
    .option("--out <dir>", "folder of the files", ".")
    .option("--json", "print the names of the files, or the list, as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem plot --list\n  faasmem plot quick --format svg,pdf --out figures\n  faasmem plot memory --run 3 --function web --format png\n  faasmem plot frontier\n  faasmem plot benchmarks --run 7,12 --format pdf,tex",
    )
    .action(async (name: string | undefined, options: PlotOptions) => {
      if (options.list) return list(options.json === true);
      if (name === undefined) {
        throw new FaasmemError("NO_NAME", "what shall be drawn?", {
          fix: "name an experiment or a figure; see: faasmem plot --list",
          kind: "usage",
        });
      }
      return plot(name, options);
    });
}

async function list(json: boolean): Promise<void> {
  const [{ figureEntries }, { newestRun }] = await Promise.all([
    import("../report/figures/registry.ts"),
    import("../report/data/choose-run.ts"),
  ]);
  const store = openStore();
  try {
    const rows = figureEntries.map((entry) => {
      const run = newestRun(entry, store);
      return { name: entry.name, run: run?.id ?? null, command: entry.command, summary: entry.summary };
    });
    if (json) console.log(JSON.stringify(rows));
    else {
      console.log(
        formatTable(
          ["name", "run", "shows"],
          rows.map(({ name, run, summary, command }) => [
            name,
            run === null ? "none" : String(run),
            run === null ? `${summary}; make one: ${command}` : summary,
          ]),
        ),
      );
    }
  } finally {
    store.close();
  }
}

async function plot(name: string, options: PlotOptions): Promise<void> {
  const [{ figureEntries }, { chooseSources }, { datasetOf, only }, exporting] = await Promise.all([
    import("../report/figures/registry.ts"),
    import("../report/data/choose-run.ts"),
    import("../report/data/dataset.ts"),
    import("../report/export/formats.ts"),
  ]);
  const entry = figureEntries.find((one) => one.name === name);
  if (!entry) {
    throw new FaasmemError("UNKNOWN_FIGURE", `there is no figure "${name}"`, {
      fix: `choose one of: ${figureEntries.map((one) => one.name).join(", ")}`,
      kind: "usage",
    });
  }
  const names = (text: string | undefined) => text?.split(",").map((word) => word.trim());
  const wanted = (names(options.format) ?? []).map((word) =>
    parseOption("--format", z.enum(exporting.formats), word),
  );
  const runs = options.run === undefined ? [] : parseOption("--run", runNumbers, options.run);
  const store = openStore();
  try {
    const shown = { function: names(options.function), window: names(options.window) };
    const sources = only(chooseSources(entry, [...new Set(runs)], store, shown), shown);
    const dataset = datasetOf(sources);
    const drawing = entry.draw(dataset);
    if (wanted.length === 0) {
      const { terminalTable } = await import("../report/export/terminal.ts");
      console.log(
        options.json ? JSON.stringify(drawing.tables) : drawing.tables.map(terminalTable).join("\n\n"),
      );
      return;
    }
    const files = await exporting.writeDrawing(drawing, dataset, [...new Set(wanted)], resolve(options.out));
    console.log(options.json ? JSON.stringify({ files }) : files.join("\n"));
  } finally {
    store.close();
  }
}
