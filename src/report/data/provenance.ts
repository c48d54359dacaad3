import { z } from "zod";
import type { Run } from "../../results/schema.ts";
import type { Dataset, Source } from "./dataset.ts";
import { unique } from "./dataset.ts";
import { repeatsOf } from "./measures.ts";

/** How a run's numbers came about, in a few words. */
export function modeText({ run, plan, records }: Source): string {
  if (run.experiment === "semiwarm") return `calculated from trace ${run.trace}, nothing was run`;
  const modes = unique(records.map(({ cell }) => cell.mode));
  return (modes.length > 0 ? modes : [plan.mode])
    .map((mode) => {
      if (mode === "imported") return "imported from results of the original artifact";
      if (mode === "simulate") return `simulated from profiles of this machine, trace ${run.trace}`;
      return run.timeScale === 1
        ? `replayed in real time, trace ${run.trace}`
        : `replayed, trace time ${run.timeScale}x real time (functions at their own speed), trace ${run.trace}`;
    })
    .join("; ");
}

const machineFacts = z.object({ cpu: z.string(), cores: z.number(), memoryBytes: z.number(), kernel: z.string() });

/** "2 cores of CPU, 24 GiB, Linux 6.18"; empty for an unknown machine. */
export function machineText(run: Run): string {
  const machine = machineFacts.safeParse(run.machine).data;
  if (!machine) return "";
  const { cores, cpu, memoryBytes, kernel } = machine;
  return `${cores} cores (${cpu}), ${(memoryBytes / 1024 ** 3).toFixed(0)} GiB, Linux ${kernel}`;
}

export const dateText = (date: Date): string => date.toISOString().slice(0, 10);

const sentence = (text: string) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

/** What stands below every figure and table: mode, time scale, trace, how windows were chosen, repeats, run and version. */
export function notesOf(dataset: Dataset): string[] {
  const several = dataset.sources.length > 1;
  const notes = dataset.sources.map((source) => {
    const { run, plan, records } = source;
    const unfinished = run.status === "done" ? "" : ` (${run.status})`;
    const repeats = repeatsOf({ rows: records as Dataset["rows"] });
    return [
      `${several ? `Run ${run.id}: ${modeText(source)}.` : sentence(modeText(source))}`,
      ...(plan.windowNote ? [sentence(plan.windowNote.replace(/\.$/, ""))] : []),
      ...(repeats > 1 ? [`Mean of ${repeats} repeats, whiskers: 95 % confidence.`] : []),
      `Run ${run.id}${unfinished}, ${dateText(run.startedAt)}, faasmem ${run.version}.`,
    ].join(" ");
  });
  return unique(notes);
}
