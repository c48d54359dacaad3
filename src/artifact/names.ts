/**
 * How the original's artifact names things (reference, sections 3 and 5), and how we do.
 */

/** Functions: artifact name -> ours. */
const functionNames: Record<string, string> = {
  bert: "bert",
  graph_bfs: "graph",
  html_server: "web",
  float_operation: "float",
  matmul: "matmul",
  linpack: "linpack",
  image_processing: "image",
  chameleon: "chameleon",
  pyaes: "pyaes",
  gzip_compression: "gzip",
  json_dumps_loads: "json",
};

/** Systems: artifact name -> ours. Its `MGLRU` is what makes its Puckets. */
const systemNames: Record<string, string> = {
  baseline: "baseline",
  TMO: "tmo",
  FaaSMem: "faasmem",
  "FaaSMem-no-semiwarm": "faasmem-no-semiwarm",
  "FaaSMem-no-MGLRU": "faasmem-no-pucket",
  DAMON: "damon",
};

const reversed = (names: Record<string, string>) =>
  new Map(Object.entries(names).map(([artifact, ours]) => [ours, artifact]));
const lookUp = (names: Record<string, string>, name: string) =>
  Object.hasOwn(names, name) ? names[name] : undefined;
const artifactFunctions = reversed(functionNames);
const artifactSystems = reversed(systemNames);

/** undefined: not one of the artifact's. */
export const artifactFunction = (ours: string) => artifactFunctions.get(ours);
export const artifactSystem = (ours: string) => artifactSystems.get(ours);

/** What the name of a result file says. Functions and systems by our names. */
export interface CellName {
  /** `DATE TIME` as the file has it. */
  time: string;
  function: string;
  system: string;
  /** Rank of the trace's function, first arrival, seconds. */
  traceFunction: number;
  startIndex: number;
  windowS: number;
}

export type ResultName =
  | ({ kind: "latency" | "monitor" } & CellName)
  | { kind: "barriers"; time: string; function: string; system: string }
  | { kind: "unknown"; reason: string };

const CELL =
  /^(.*)_(AzureTraceLatency|AzureTraceGlobalmonitor)_(.+)_(\d+)_(\d+)_(\d+(?:\.\d+)?)_\((.+)\)\.json$/;
const BARRIERS = /^(.*)_MglruDuration_(.+)_\((.+)\)\.json$/;

/** Reads the name of a result file; undefined: it is no result file at all. */
export function parseName(file: string): ResultName | undefined {
  const cell = CELL.exec(file);
  const barriers = cell ? null : BARRIERS.exec(file);
  const [time, name, system] = cell ? [cell[1], cell[3], cell[7]] : (barriers?.slice(1) ?? []);
  if (time === undefined || name === undefined || system === undefined) return undefined;
  const known = { function: lookUp(functionNames, name), system: lookUp(systemNames, system) };
  if (known.function === undefined) return { kind: "unknown", reason: `no function "${name}" is known` };
  if (known.system === undefined) return { kind: "unknown", reason: `no system "${system}" is known` };
  const shared = { time, function: known.function, system: known.system };
  if (!cell) return { kind: "barriers", ...shared };
  return {
    kind: cell[2] === "AzureTraceLatency" ? "latency" : "monitor",
    ...shared,
    traceFunction: Number(cell[4]),
    startIndex: Number(cell[5]),
    windowS: Number(cell[6]),
  };
}

/** The artifact's time of a file: Python's `str(datetime.now())` with `_` for colons; universal time here. */
export const timeText = (at: Date): string =>
  at.toISOString().replace("T", " ").replaceAll(":", "_").replace("Z", "000");

/** Names of a cell's two files. Functions and systems must have artifact names. */
export function cellFiles(cell: CellName): { latency: string; monitor: string } {
  const rest = [
    artifactFunction(cell.function),
    cell.traceFunction,
    cell.startIndex,
    cell.windowS,
    `(${artifactSystem(cell.system)}).json`,
  ].join("_");
  return {
    latency: `${cell.time}_AzureTraceLatency_${rest}`,
    monitor: `${cell.time}_AzureTraceGlobalmonitor_${rest}`,
  };
}

export const barriersFile = (time: string, name: string): string =>
  `${time}_MglruDuration_${artifactFunction(name)}_(FaaSMem).json`;
