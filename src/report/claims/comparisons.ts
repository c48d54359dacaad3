import { geometricMean } from "../../base/geometric-mean.ts";
import { type Dataset, documentOf } from "../data/dataset.ts";
import { ablationEntry } from "../figures/ablation.ts";
import { benchmarksEntry } from "../figures/benchmarks.ts";
import { quickEntry } from "../figures/quick.ts";
import { at, semiwarmEntry } from "../figures/semiwarm.ts";
import { pairName, pairsOf } from "./cells.ts";
import { type Claim, type Finding, overRepeats, percentText, range, verdictOf } from "./claim.ts";

/** Of the cells, for "partly". */
const MOST = 0.8;
const P95_LIMIT = 1.1;

/** FaaSMem against another system: memory of every cell, and P95 on average. */
function against(dataset: Dataset, other: string, name: string): Finding | null {
  const pairs = pairsOf(dataset, "faasmem", other).filter(({ memory }) => memory !== null);
  if (pairs.length === 0) return null;
  const shares = pairs.map(({ memory }) => memory!);
  const more = pairs.filter(({ memory }) => memory! >= 1);
  const all = pairs.flatMap(({ repeats }) =>
    repeats.flatMap((one) => (one.memory === null ? [] : [{ repeat: one.repeat, value: one.memory }])),
  );
  const p95 = geometricMean(pairs.flatMap((pair) => (pair.p95 === null ? [] : [pair.p95])));
  const better = verdictOf(pairs.length - more.length, pairs.length, MOST);
  const slow = p95 !== null && p95 > P95_LIMIT;
  return {
    verdict: slow && better === "reproduced" ? "partly" : better,
    measured: [
      `${pairs.length} cells: FaaSMem's memory is ${range(shares)} of that ${name}, ${percentText(overRepeats(all))} on average.`,
      ...(p95 === null
        ? []
        : [`Its P95 is ${(p95 * 100).toFixed(1)} % of that ${name} in the geometric mean.`]),
      ...(more.length > 0 ? [`No less memory: ${more.map(pairName).join(", ")}.`] : []),
    ],
  };
}

const RULE = `Reproduced: FaaSMem uses less memory in every cell, and its P95 is at most 110 % in the geometric mean. Partly: it uses less in ${MOST * 100} % of the cells.`;

function semiwarm(dataset: Dataset): Finding | null {
  const classes = documentOf(dataset, "semiwarm")?.classes.filter(({ containers }) => containers > 0) ?? [];
  if (classes.length === 0) return null;
  const medians = classes.map((one) => ({
    load: one.load,
    median: at(one.semiWarmShare, 0.5) ?? 0,
    quarter: at(one.semiWarmShare, 0.75) ?? 0,
  }));
  return {
    verdict: verdictOf(medians.filter(({ median }) => median > 0).length, medians.length, 1 / 3),
    measured: medians.map(
      ({ load, median, quarter }) =>
        `${load} load: half of the containers are semi-warm for at least ${(median * 100).toFixed(1)} % of their lives, a quarter for at least ${(quarter * 100).toFixed(1)} %.`,
    ),
  };
}

/** Claims about what FaaSMem is compared with. */
export const comparisonClaims: readonly Claim[] = [
  {
    id: "tmo",
    title: "Against TMO",
    paper: "FaaSMem offloads more than TMO, which does not know a container's life, at a comparable P95.",
    rule: RULE,
    entries: [benchmarksEntry, quickEntry],
    judge: (dataset) => against(dataset, "tmo", "under TMO"),
  },
  {
    id: "puckets",
    title: "What Puckets contribute",
    paper: "Without Puckets more memory stays local.",
    rule: RULE,
    entries: [ablationEntry],
    judge: (dataset) => against(dataset, "faasmem-no-pucket", "without Puckets"),
  },
  {
    id: "semiwarm-ablation",
    title: "What semi-warm contributes",
    paper: "Without semi-warm more memory stays local.",
    rule: RULE,
    entries: [ablationEntry],
    judge: (dataset) => against(dataset, "faasmem-no-semiwarm", "without semi-warm"),
  },
  {
    id: "semiwarm",
    title: "Applicability of semi-warm",
    paper: "Containers of every load class spend a part of their lives semi-warm.",
    rule: "Reproduced: in every load class more than half of the containers are semi-warm for some time. Partly: in one class at least.",
    entries: [semiwarmEntry],
    judge: semiwarm,
  },
];
