import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import type { TraceWindow } from "../experiment/plan.ts";
import type { Documents } from "../results/documents.ts";
import type { Run } from "../results/schema.ts";
import type { CellRecord } from "../results/store.ts";
import { latencyOf, monitorOf } from "./cells.ts";
import { artifactFunction, artifactSystem, barriersFile, cellFiles, timeText } from "./names.ts";

export interface ExportedRun {
  files: string[];
  /** What the artifact has no name for. */
  leftOut: { what: string; reason: string }[];
}

const MS = 1000;

/**
 * Writes a run as the artifact's test scripts write theirs: two files for each cell, one for the barriers of each function.
 * A reader never sees half of a file.
 *
 * @throws FaasmemError NOTHING_TO_EXPORT
 */
export function exportResults(
  content: { run: Run; records: readonly CellRecord[]; barriers: Documents["barriers"] | null },
  folder: string,
): ExportedRun {
  const { run, records, barriers } = content;
  const files: string[] = [];
  const leftOut: ExportedRun["leftOut"] = [];
  mkdirSync(folder, { recursive: true });
  const write = (file: string, value: unknown) => {
    const path = join(folder, file);
    try {
      writeFileSync(`${path}.tmp`, JSON.stringify(value));
      renameSync(`${path}.tmp`, path);
    } catch (error) {
      rmSync(`${path}.tmp`, { force: true });
      throw error;
    }
    files.push(file);
  };
  for (const record of records) {
    const { cell } = record;
    const reason = unnamed(cell.function, cell.system);
    if (reason !== undefined) {
      leftOut.push({ what: `${cell.function} under ${cell.system}`, reason });
      continue;
    }
    if (!record.requests.some((request) => request.status === 200)) {
      leftOut.push({ what: `${cell.function} under ${cell.system}`, reason: "it has no answered request" });
      continue;
    }
    // A second for each repeat: its time tells it from the others, and sorts it behind them.
    const startedAt = new Date(run.startedAt.getTime() + cell.repeat * MS);
    const name = { ...placeOf(run, cell), time: timeText(startedAt) };
    const { latency, monitor } = cellFiles(name);
    write(monitor, monitorOf(record.samples, cell.windowS));
    write(
      latency,
      latencyOf(record, name, artifactFunction(cell.function)!, {
        experiment: run.experiment,
        startedAt,
        configs: { system: artifactSystem(cell.system), time_scale: run.timeScale, seed: run.seed },
      }),
    );
  }
  for (const row of barriers ?? []) {
    const name = artifactFunction(row.function);
    if (name === undefined) {
      leftOut.push({ what: `barriers of ${row.function}`, reason: "the artifact has no such function" });
      continue;
    }
    write(barriersFile(timeText(run.startedAt), row.function), {
      configs: { system: "FaaSMem" },
      function_name: name,
      args: "",
      mglru_durations: row.sandboxes.map(({ runtimeInitMs, initExecutionMs, rollbackMs }) => [
        runtimeInitMs / MS,
        initExecutionMs / MS,
        null,
        ...rollbackMs.map((ms) => ms / MS),
      ]),
    });
  }
  if (files.length > 0) return { files, leftOut };
  const [first] = leftOut;
  throw new FaasmemError(
    "NOTHING_TO_EXPORT",
    `run ${run.id} has nothing to export${first ? `: ${first.what}: ${first.reason}` : ""}`,
    { fix: "choose a run with cells or barriers (see: faasmem experiment list)", kind: "usage" },
  );
}

function unnamed(fn: string, system: string): string | undefined {
  if (artifactFunction(fn) === undefined) return "the artifact has no such function";
  if (artifactSystem(system) === undefined) return "the artifact has no such system";
  return undefined;
}

/** The cell's place in the trace; runs of before windows had names keep theirs in one piece. */
function placeOf(run: Run, cell: CellRecord["cell"]) {
  const config = run.config as { windows?: TraceWindow[]; traceFunction?: number; startIndex?: number };
  const window = config.windows?.find((one) => one.label === cell.window);
  return {
    function: cell.function,
    system: cell.system,
    traceFunction: window?.traceFunction ?? config.traceFunction ?? 0,
    startIndex: window?.startIndex ?? config.startIndex ?? 0,
    windowS: cell.windowS,
  };
}
