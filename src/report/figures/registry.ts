import { ablationEntry } from "./ablation.ts";
import { benchmarksEntry } from "./benchmarks.ts";
import { densityEntry } from "./density.ts";
import type { FigureEntry } from "./entry.ts";
import { frontierEntry } from "./frontier.ts";
import { heatmapEntry } from "./heatmap.ts";
import { memoryEntry } from "./memory.ts";
import { overheadEntry } from "./overhead.ts";
import { quickEntry } from "./quick.ts";
import { semiwarmEntry } from "./semiwarm.ts";
import { validateEntry } from "./validate.ts";
import { workloadsEntry } from "./workloads.ts";

/** Everything that `faasmem plot` can draw: the paper's six experiments first. */
export const figureEntries: readonly FigureEntry[] = [
  benchmarksEntry,
  workloadsEntry,
  ablationEntry,
  semiwarmEntry,
  overheadEntry,
  densityEntry,
  quickEntry,
  validateEntry,
  memoryEntry,
  heatmapEntry,
  frontierEntry,
];
