import { activeSwaps } from "./proc-swaps.ts";
import { zramUseOf } from "./zram.ts";

/**
 * Memory of this machine that its swap stores take, in bytes, over all zram devices that are on: nobody's cgroup is charged
 * for it. Null when pages go elsewhere.
 */
export function swapStoreBytes(): number | null {
  const uses = activeSwaps().flatMap(({ area }) => zramUseOf(area) ?? []);
  return uses.length > 0 ? uses.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0) : null;
}
