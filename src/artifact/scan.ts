import { readdirSync } from "node:fs";
import { join } from "node:path";
import { FaasmemError, toFaasmemError } from "../base/errors.ts";
import type { Documents } from "../results/documents.ts";
import { barriersFile, type LatencyFile, latencyFile, monitorFile, readResult } from "./files.ts";
import { artifactFunction, type CellName, parseName } from "./names.ts";

/** A file that was left out. */
export interface Skipped {
  file: string;
  reason: string;
}

/** Two good files of one cell. */
export interface FoundCell {
  name: CellName;
  latency: string;
  monitor: string;
  /** Of a cell that we exported: what experiment it was, and its window's name. */
  own?: { experiment: string; window: string };
}

export interface Found {
  cells: FoundCell[];
  barriers: Documents["barriers"];
  skipped: Skipped[];
}

const MS = 1000;
const keyOf = (name: CellName): string =>
  JSON.stringify([name.time, name.function, name.system, name.traceFunction, name.startIndex, name.windowS]);

/**
 * Looks at all files of a folder, one at a time; nothing but names and barriers is kept. Files that are no result files
 * are passed over; bad ones, and one whose partner is missing, are named.
 *
 * @throws FaasmemError NO_SUCH_FOLDER
 */
export function scanFolder(folder: string): Found {
  const skipped: Skipped[] = [];
  const cells = new Map<string, { name: CellName; latency?: string; monitor?: string }>();
  const barriers = new Map<string, Documents["barriers"][number]>();
  for (const file of namesIn(folder)) {
    const name = parseName(file);
    if (!name) continue;
    if (name.kind === "unknown") {
      skipped.push({ file, reason: name.reason });
    } else if (name.kind === "barriers") {
      const reason = takeBarriers(join(folder, file), name, barriers);
      if (reason !== undefined) skipped.push({ file, reason });
    } else {
      const { kind, ...cell } = name;
      const entry = cells.get(keyOf(cell)) ?? { name: cell };
      entry[kind] = file;
      cells.set(keyOf(cell), entry);
    }
  }
  const good: FoundCell[] = [];
  for (const { name, latency, monitor } of cells.values()) {
    if (latency === undefined || monitor === undefined) {
      const missing = latency === undefined ? "AzureTraceLatency" : "AzureTraceGlobalmonitor";
      skipped.push({ file: (latency ?? monitor)!, reason: `its ${missing} file is missing` });
      continue;
    }
    const own = checkPair(folder, { name, latency, monitor });
    if (Array.isArray(own)) skipped.push(...own);
    else good.push({ name, latency, monitor, ...(own ? { own } : {}) });
  }
  return { cells: good, barriers: [...barriers.values()], skipped };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch (cause) {
    throw new FaasmemError("NO_SUCH_FOLDER", `cannot read the folder ${folder}`, {
      fix: "give the artifact's folder of results, often named result",
      kind: "usage",
      cause,
    });
  }
}

/** Reads both files of a cell; what is wrong with them, or what they say of our own export. */
function checkPair(folder: string, pair: FoundCell): Skipped[] | FoundCell["own"] {
  const bad: Skipped[] = [];
  const attempt = <T>(file: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      bad.push({ file, reason: toFaasmemError(error).message });
      return undefined;
    }
  };
  const latency = attempt(pair.latency, () => {
    const content = readResult(join(folder, pair.latency), latencyFile);
    assertSame(content, pair.name);
    return content;
  });
  attempt(pair.monitor, () => readResult(join(folder, pair.monitor), monitorFile));
  if (bad.length === 1) {
    const other = bad[0]!.file === pair.latency ? pair.monitor : pair.latency;
    bad.push({ file: other, reason: "the other file of its cell is bad" });
  }
  if (bad.length > 0) return bad;
  const own = latency!.faasmem;
  return own && { experiment: own.experiment, window: own.cell.window };
}

/** A file that was renamed would land in another cell. */
function assertSame(content: LatencyFile, name: CellName): void {
  const pairs: [string, unknown, unknown][] = [
    ["function_name", content.function_name, artifactFunction(name.function)],
    ["trace_id", content.trace_id, name.traceFunction],
    ["start_idx", content.start_idx, name.startIndex],
    ["exp_duration", content.exp_duration, name.windowS],
    ["faasmem.cell.function", content.faasmem?.cell.function ?? name.function, name.function],
    ["faasmem.cell.system", content.faasmem?.cell.system ?? name.system, name.system],
  ];
  for (const [field, has, says] of pairs) {
    if (has === says) continue;
    throw new FaasmemError("BAD_RESULT_FILE", `${field} is ${has}, but its name says ${says}`, {
      fix: "give files under the names that the artifact's test scripts write",
    });
  }
}

/** Adds the sandboxes of a file to its function's; the reason why not. */
function takeBarriers(
  path: string,
  name: { function: string; system: string },
  into: Map<string, Documents["barriers"][number]>,
): string | undefined {
  if (name.system !== "faasmem") return "barriers are imported of FaaSMem only";
  try {
    const content = readResult(path, barriersFile);
    if (content.function_name !== artifactFunction(name.function))
      return `function_name is ${content.function_name}, but its name says ${artifactFunction(name.function)}`;
    const row = into.get(name.function) ?? { function: name.function, sandboxes: [] };
    for (const [runtime, init, _offload, ...rollbacks] of content.mglru_durations) {
      row.sandboxes.push({
        runtimeInitMs: runtime * MS,
        initExecutionMs: init * MS,
        rollbackMs: rollbacks.filter((seconds) => seconds !== null).map((seconds) => seconds * MS),
      });
    }
    into.set(name.function, row);
    return undefined;
  } catch (error) {
    return toFaasmemError(error).message;
  }
}
