import { geometricMean } from "../../base/geometric-mean.ts";
import type { Dataset } from "../data/dataset.ts";
import { documentOf, unique } from "../data/dataset.ts";
import { densityPoints, heldText } from "../data/density.ts";
import { estimate } from "../data/estimate.ts";
import { benchmarksEntry } from "../figures/benchmarks.ts";
import { densityEntry } from "../figures/density.ts";
import { BARRIERS, overheadEntry } from "../figures/overhead.ts";
import { quickEntry } from "../figures/quick.ts";
import { type Pair, pairName, pairsOf } from "./cells.ts";
import { type Claim, type Finding, overRepeats, percentText, range, verdictOf } from "./claim.ts";

/** The paper's headline numbers (reference, section 5). */
const LEAST_SAVED = 0.099;
const MOST_SAVED = 0.798;
const P95_LIMIT = 1.1;
const LEAST_DENSITY = 1.08;
const MOST_DENSITY = 2.18;
/** "A few milliseconds", as this report takes it. */
const FEW_MS = 10;
const percent = (share: number) => `${Math.round(share * 1000) / 10} %`;
/** Of the cells, for "partly". */
const MOST = 0.8;

const known = <T>(values: readonly (T | null)[]): T[] => values.filter((value) => value !== null);
const listed = (pairs: readonly Pair[]): string =>
  pairs.slice(0, 6).map(pairName).join(", ") + (pairs.length > 6 ? `, and ${pairs.length - 6} more` : "");

function memory(dataset: Dataset): Finding | null {
  const pairs = pairsOf(dataset, "faasmem", "baseline");
  const saved = known(pairs.map(({ memory }) => memory)).map((share) => 1 - share);
  if (saved.length === 0) return null;
  const less = pairs.filter((pair) => pair.memory !== null && 1 - pair.memory < LEAST_SAVED);
  const all = pairs.flatMap(({ repeats }) =>
    repeats.flatMap((one) => (one.memory === null ? [] : [{ repeat: one.repeat, value: 1 - one.memory }])),
  );
  return {
    verdict: verdictOf(saved.length - less.length, saved.length, MOST),
    measured: [
      `${saved.length} cells (function and window): ${range(saved)} less than baseline, ${percentText(overRepeats(all))} on average.`,
      ...(less.length > 0 ? [`Less than ${percent(LEAST_SAVED)} saved: ${listed(less)}.`] : []),
    ],
  };
}

function latency(dataset: Dataset): Finding | null {
  const pairs = pairsOf(dataset, "faasmem", "baseline").filter(({ p95 }) => p95 !== null);
  if (pairs.length === 0) return null;
  const shares = known(pairs.map(({ p95 }) => p95));
  const slower = pairs.filter(({ p95 }) => p95! > P95_LIMIT);
  const repeats = unique(pairs.flatMap((pair) => pair.repeats.map(({ repeat }) => repeat)));
  const means = repeats.map((repeat) =>
    geometricMean(
      known(
        pairs.flatMap((pair) => pair.repeats.filter((one) => one.repeat === repeat).map(({ p95 }) => p95)),
      ),
    ),
  );
  return {
    verdict: verdictOf(pairs.length - slower.length, pairs.length, MOST),
    measured: [
      `${pairs.length} cells: ${range(shares)} of baseline, ${percentText(estimate(known(means))!)} in the geometric mean.`,
      `Fewest requests behind a P95: ${Math.min(...pairs.map(({ warmRequests }) => warmRequests))}.`,
      ...(slower.length > 0 ? [`More than 10 % slower: ${listed(slower)}.`] : []),
    ],
  };
}

function density(dataset: Dataset): Finding | null {
  const points = densityPoints(dataset).filter(({ series }) => series.startsWith("FaaSMem"));
  if (points.length === 0) return null;
  const values = points.map((point) => point.density.mean);
  const found = documentOf(dataset, "density");
  const real = found?.rows ?? [];
  const held = real.flatMap((row) => {
    const base = real.find((one) => one.function === row.function && one.system === "baseline");
    return row.system === "faasmem" && base && base.sandboxes > 0
      ? [`${row.function} ${heldText(base.sandboxes)} to ${heldText(row.sandboxes)}`]
      : [];
  });
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    verdict: verdictOf(values.filter((value) => value >= LEAST_DENSITY).length, values.length, MOST),
    measured: [
      `${values.length} points (function and window): ${range(values, 0)}, ${(mean * 100).toFixed(0)} % on average, by the paper's formula.`,
      ...(held.length > 0
        ? [
            `Sandboxes that a fixed budget of local memory ${found?.simulated ? "holds, simulated" : "really held"}, from baseline to FaaSMem: ${held.join(", ")}.`,
          ]
        : []),
    ],
  };
}

function overhead(dataset: Dataset): Finding | null {
  const rows = documentOf(dataset, "barriers") ?? [];
  const means = rows.flatMap((row) =>
    BARRIERS.flatMap(({ label, of }) => {
      const found = of(row);
      return found ? [{ label, function: row.function, ...found }] : [];
    }),
  );
  if (means.length === 0) return null;
  const longest = means.toSorted((a, b) => b.mean - a.mean)[0]!;
  const of = (label: string) => {
    const own = means.filter((one) => one.label === label).map(({ mean }) => mean);
    return own.length > 0
      ? [`${label}: ${Math.min(...own).toFixed(2)} to ${Math.max(...own).toFixed(2)} ms.`]
      : [];
  };
  const interval =
    longest.half === null ? "" : ` ± ${longest.half.toFixed(2)} ms (95 %, ${longest.n} sandboxes)`;
  return {
    verdict: verdictOf(means.filter(({ mean }) => mean <= FEW_MS).length, means.length, MOST),
    measured: [
      ...BARRIERS.flatMap(({ label }) => of(label)),
      `Longest: ${longest.label} of ${longest.function}, ${longest.mean.toFixed(2)}${interval || " ms"}.`,
    ],
  };
}

/** Claims about the system as a whole. */
export const headlineClaims: readonly Claim[] = [
  {
    id: "memory",
    title: "Local memory",
    paper: `Average local memory is ${percent(LEAST_SAVED)} to ${percent(MOST_SAVED)} less than without offloading.`,
    rule: `Reproduced: every cell saves at least ${percent(LEAST_SAVED)}. Partly: ${percent(MOST)} of the cells do.`,
    entries: [benchmarksEntry, quickEntry],
    judge: memory,
  },
  {
    id: "latency",
    title: "P95 latency",
    paper: "P95 latency stays within about 10 % of baseline.",
    rule: `Reproduced: the P95 of every cell is at most 110 % of baseline's. Partly: ${percent(MOST)} of the cells are.`,
    entries: [benchmarksEntry, quickEntry],
    judge: latency,
  },
  {
    id: "density",
    title: "Production density",
    paper: `Density is ${percent(LEAST_DENSITY)} to ${percent(MOST_DENSITY)} of baseline's.`,
    rule: `Reproduced: every function and window reaches at least ${percent(LEAST_DENSITY)}. Partly: ${percent(MOST)} of them do.`,
    entries: [densityEntry],
    judge: density,
  },
  {
    id: "overhead",
    title: "Overhead of Puckets",
    paper: "Time barriers and rollbacks cost a few milliseconds.",
    rule: `Reproduced: the mean of each kind and function is at most ${FEW_MS} ms. Partly: ${percent(MOST)} of them are.`,
    entries: [overheadEntry],
    judge: overhead,
  },
];
