import { readFileSync } from "node:fs";

/** One line of /proc/swaps (proc_swaps(5)). */
export interface ActiveSwap {
  area: string;
  kind: string;
  sizeBytes: number;
  usedBytes: number;
  /** Pages go to the highest first. */
  priority: number;
}

/** @param text contents of /proc/swaps */
export function parseSwaps(text: string): ActiveSwap[] {
  return text
    .split("\n")
    .slice(1)
    .filter(Boolean)
    .map((line) => {
      const [area, kind, size, used, priority] = line.split(/\s+/);
      return {
        // Blanks in a name are written as octal numbers.
        area: area!.replace(/\\(\d{3})/g, (_, octal: string) =>
          String.fromCharCode(Number.parseInt(octal, 8)),
        ),
        kind: kind!,
        sizeBytes: Number(size) * 1024,
        usedBytes: Number(used) * 1024,
        priority: Number(priority),
      };
    });
}

/** All swap that is on, ours and others'. */
export const activeSwaps = (): ActiveSwap[] => parseSwaps(readFileSync("/proc/swaps", "utf8"));
