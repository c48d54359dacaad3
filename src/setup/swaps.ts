import type { Machine } from "./machine.ts";

/** A line of /proc/swaps. */
export interface SwapArea {
  path: string;
  bytes: number;
}

/** What the machine swaps to now (proc_swaps(5): sizes in KiB, blanks of a name as \040). */
export function swapsOn(machine: Machine): SwapArea[] {
  const rows = (machine.read("/proc/swaps") ?? "").split("\n").slice(1);
  return rows.filter(Boolean).map((row) => {
    const [path, , size] = row.split(/\s+/);
    return {
      path: path!.replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
      bytes: Number(size) * 1024,
    };
  });
}
