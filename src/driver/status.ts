import type { z } from "zod";
import { isOn } from "./driver.ts";
import { type ActiveSwap, activeSwaps } from "./proc-swaps.ts";
import { loadState } from "./state.ts";
import { type zramUse, zramUseOf } from "./zram.ts";

/** What `faasmem driver status` tells. Sizes in bytes. */
export interface DriverStatus {
  plane: "swap" | "uffd" | null;
  device: string | null;
  area: string | null;
  /** Everything in place and in use? Null: nothing was set up. */
  on: boolean | null;
  options: Record<string, string | number | null>;
  sizeBytes: number | null;
  usedBytes: number | null;
  priority: number | null;
  /** Memory of this machine that the store itself takes; null where pages go elsewhere. */
  store: z.infer<typeof zramUse> | null;
  /** Swaps of others: they are left alone. */
  others: ActiveSwap[];
}

export function driverStatus(): DriverStatus {
  const state = loadState();
  const swaps = activeSwaps();
  const own = swaps.find(({ area }) => area === state?.area);
  return {
    plane: state?.plane ?? null,
    device: state?.device ?? null,
    area: state?.area ?? null,
    on: state ? isOn(state) : null,
    options: state?.wanted ?? {},
    sizeBytes: own?.sizeBytes ?? null,
    usedBytes: own?.usedBytes ?? null,
    priority: own?.priority ?? null,
    store: own ? zramUseOf(own.area) : null,
    others: swaps.filter((swap) => swap !== own),
  };
}
