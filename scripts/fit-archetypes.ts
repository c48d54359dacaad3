/**
 * Fits src/trace/archetypes.ts to the 500 functions of the Azure Functions Trace 2019 that the In-Vitro sampler chose, and
 * prints the file: scripts/bun.sh scripts/fit-archetypes.ts FOLDER > src/trace/archetypes.ts, FOLDER having
 * invocations.csv (per minute) and durations.csv of the same functions.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { quantileValues } from "../src/trace/quantiles.ts";
import { AT, DURATIONS_AT } from "../src/trace/synthesis.ts";

const folder = process.argv[2];
if (folder === undefined) {
  console.error("usage: scripts/bun.sh scripts/fit-archetypes.ts FOLDER");
  process.exit(2);
}
const rowsOf = (file: string) =>
  readFileSync(join(folder, file), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((row) => row.split(","));
/** Average in ms and invocations of the whole day. */
const days = new Map(
  rowsOf("durations.csv").map((row) => [
    row.slice(0, 3).join(),
    { ms: Number(row[3]), count: Number(row[4]) },
  ]),
);

interface Row {
  timer: boolean;
  counts: number[];
  total: number;
  durationMs: number;
  daily: number;
}
const functions = rowsOf("invocations.csv").map((row): Row => {
  const counts = row.slice(4).map(Number);
  const total = counts.reduce((sum, n) => sum + n, 0);
  const day = days.get(row.slice(0, 3).join());
  return {
    timer: row[3] === "timer",
    counts,
    total,
    durationMs: day?.ms ?? 0,
    daily: day?.count ?? total * 3,
  };
});

/** With so many invocations in all (5 a minute) or in one minute a function stands for itself. */
const ALONE = 2400;
const BURST = 20;
/** The others by invocations in the eight hours, each band up to twice as busy as the one below. */
const bandOf = (fn: Row, i: number) =>
  fn.total >= ALONE || (!fn.timer && Math.max(...fn.counts) >= BURST)
    ? `alone ${i}`
    : Math.floor(Math.log2(fn.total));

const groups = Map.groupBy(
  functions.toSorted((a, b) => a.total - b.total),
  (fn, i) => `${fn.timer} ${bandOf(fn, i)}`,
);
const quantiles = (values: number[], places: readonly number[]) =>
  quantileValues(
    values.toSorted((a, b) => a - b),
    places,
  );
/**
 * Minutes between active ones; the eight hours go round, so that the mean is right. Where only one is seen, the count of the whole
 * day tells more.
 */
const gapsOf = ({ counts, daily }: Row) => {
  const active = counts.flatMap((n, minute) => (n > 0 ? [minute] : []));
  if (active.length === 1) return [Math.max(counts.length, Math.round(1440 / Math.max(1, daily)))];
  return active.map((minute, i) => (active[i + 1] ?? active[0]! + counts.length) - minute);
};
const lines = [...groups.values()].map((group) => {
  const gaps = quantiles(group.flatMap(gapsOf), AT);
  const counts = quantiles(
    group.flatMap(({ counts }) => counts.filter((n) => n > 0)),
    AT,
  );
  const ms = quantiles(
    group.map((fn) => fn.durationMs),
    group.length === 1 ? [1] : DURATIONS_AT,
  );
  const kind = group[0]!.timer ? "timer" : "event";
  return `${group.length} ${kind} | ${gaps.join(" ")} | ${counts.join(" ")} | ${ms.join(" ")}`;
});
console.log(`/**
 * Kinds of functions of the Azure Functions Trace 2019, fitted by scripts/fit-archetypes.ts to eight hours of 500 of them: how many of the
 * 500 are of this kind; whether a timer starts them; and quantiles (places: src/trace/synthesis.ts) of the minutes between two active
 * ones, of the invocations in an active one, and of the functions' average durations in milliseconds. A kind is the
 * functions of a band of load, up to twice as busy as the least busy of it, or one function alone: with 5 a minute and more,
 * or with 20 in any minute.
 */
const table = \`
${lines.join("\n")}
\`;

export interface Archetype {
  functions: number;
  timer: boolean;
  gapMinutes: number[];
  counts: number[];
  durationMs: number[];
}

export const archetypes: readonly Archetype[] = table
  .trim()
  .split("\\n")
  .map((line) => {
    const [head, ...lists] = line.split(" | ") as [string, string, string, string];
    const [gapMinutes, counts, durationMs] = lists.map((list) => list.split(" ").map(Number));
    const [functions, kind] = head.split(" ");
    return { functions: Number(functions), timer: kind === "timer", gapMinutes, counts, durationMs } as Archetype;
  });`);
