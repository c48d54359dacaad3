import { z } from "zod";
import { timeScaleText } from "../../experiment/plan.ts";
import type { Run } from "../../results/schema.ts";
import type { Dataset, Source } from "./dataset.ts";
import { unique } from "./dataset.ts";
import { repeatsOf } from "./measures.ts";

const MODES = {
  imported: "imported from results of the original artifact (its latencies count cold starts, too)",
};

/** How a run's numbers came about, in a few words. */
export function modeText({ run, plan, records }: Source): string {
  if (plan.mode === "imported" && records.length === 0) return MODES.imported;
  if (run.experiment === "semiwarm") return `calculated from trace ${run.trace}, nothing was run`;
  if (run.experiment === "overhead") {
    const profiled = plan.mode === "simulate" ? " when its functions were profiled" : "";
    return `measured on real sandboxes of this machine${profiled}`;
  }
  if (run.experiment === "validate") {
    return `the same cells replayed (${replayText({ run, plan })}) and simulated from profiles of this machine, trace ${run.trace}`;
  }
  const modes = unique(records.map(({ cell }) => cell.mode));
  return (modes.length > 0 ? modes : [plan.mode])
    .map((mode) => {
      if (mode === "imported") return MODES.imported;
      if (mode === "simulate") return `simulated from profiles of this machine, trace ${run.trace}`;
      return `replayed, ${replayText({ run, plan })}, trace ${run.trace}`;
    })
    .join("; ");
}

const machineFacts = z.object({
  cpu: z.string(),
  cores: z.number(),
  memoryBytes: z.number(),
  kernel: z.string(),
});

function replayText({ run, plan }: Pick<Source, "run" | "plan">): string {
  const scale = timeScaleText({ timeScale: run.timeScale, windows: plan.windows });
  return scale === "1x" ? "in real time" : `trace time ${scale} real time (functions at their own speed)`;
}

/** "2 cores of CPU, 24 GiB, Linux 6.18"; empty for an unknown one. */
export function machineText(run: Run): string {
  const machine = machineFacts.safeParse(run.machine).data;
  if (!machine || machine.cores === 0) return ""; // imported: nobody knows
  const { cores, cpu, memoryBytes, kernel } = machine;
  return `${cores} cores (${cpu}), ${(memoryBytes / 1024 ** 3).toFixed(0)} GiB, Linux ${kernel}`;
}

export const dateText = (date: Date): string => date.toISOString().slice(0, 10);

const sentence = (text: string) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

/**
 * What stands below every figure and table: mode, time scale, trace, how windows were chosen, repeats, run and version.
 * @param options.mode of numbers that are not the cells': how they came about
 * @param options.average what was taken of repeats
 * @param options.spread what shows confidence: whiskers, or ± in tables; empty for nothing
 */
export function notesOf(
  dataset: Dataset,
  options: { mode?: string; spread?: string; average?: "Mean" | "Median" } = {},
): string[] {
  const { spread = "whiskers", average = "Mean" } = options;
  const several = dataset.sources.length > 1;
  const notes = dataset.sources.map((source) => {
    const { run, plan, records } = source;
    const unfinished = run.status === "done" ? "" : ` (${run.status})`;
    const repeats = repeatsOf({ rows: records as Dataset["rows"] });
    const mode = options.mode ?? modeText(source);
    return [
      several ? `Run ${run.id}: ${mode}.` : sentence(mode),
      ...(plan.windowNote && !options.mode ? [sentence(plan.windowNote.replace(/\.$/, ""))] : []),
      ...(repeats > 1 && !options.mode
        ? [`${average} of ${repeats} repeats${spread === "" ? "" : `, ${spread}: 95 % confidence`}.`]
        : []),
      `Run ${run.id}${unfinished}, ${dateText(run.startedAt)}, faasmem ${run.version}.`,
    ].join(" ");
  });
  return unique(notes);
}

/** The same for a table, where ± gives the interval. */
export const tableNotesOf = (dataset: Dataset, options: { mode?: string } = {}): string[] =>
  notesOf(dataset, { ...options, spread: "±" });
