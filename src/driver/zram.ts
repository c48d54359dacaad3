import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { formatMiB } from "../base/units.ts";
import { loadModule, type Steps, swapOn } from "./steps.ts";

const CONTROL = "/sys/class/zram-control";

/** Compressed memory as swap: a device of our own, also when there are others. @throws FaasmemError NO_ZRAM, ... */
export async function zramUp(
  options: { sizeBytes: number; algorithm: string | null },
  steps: Steps,
): Promise<string> {
  await loadModule("zram", CONTROL, steps, {
    code: "NO_ZRAM",
    message: "this kernel has no zram",
    fix: "use a kernel with CONFIG_ZRAM (all distributions' have it), or --device file",
  });
  // Reading makes a device, and gives its number (Documentation/admin-guide/blockdev/zram.rst).
  const number = Number(readFileSync(`${CONTROL}/hot_add`, "utf8"));
  steps.undoBy({ kind: "zram", number });
  const folder = `/sys/block/zram${number}`;
  if (options.algorithm !== null) {
    const offered = readFileSync(`${folder}/comp_algorithm`, "utf8")
      .trim()
      .replace(/[[\]]/g, "")
      .split(/\s+/);
    if (!offered.includes(options.algorithm)) {
      throw new FaasmemError("NO_ZRAM", `zram does not know the algorithm "${options.algorithm}"`, {
        fix: `choose one of: ${offered.join(", ")}`,
        kind: "usage",
      });
    }
    writeFileSync(`${folder}/comp_algorithm`, options.algorithm);
  }
  writeFileSync(`${folder}/disksize`, String(options.sizeBytes));
  steps.did(`zram${number} made, ${formatMiB(options.sizeBytes)} MiB of pages at most`);
  const area = `/dev/zram${number}`;
  await swapOn(area, steps);
  return area;
}

/** What a zram device holds (mm_stat of zram.rst). All in bytes. */
export const zramUse = z.object({
  /** Pages as the programs see them; pages of one repeated word are not in it. */
  originalBytes: z.number(),
  compressedBytes: z.number(),
  /** Memory of this machine that the device takes, its own overhead included: nobody's cgroup is charged for it. */
  memoryBytes: z.number(),
});

/** @param text contents of /sys/block/zramN/mm_stat */
export function parseMmStat(text: string): z.infer<typeof zramUse> {
  const [originalBytes, compressedBytes, memoryBytes] = text.trim().split(/\s+/).map(Number);
  return zramUse.parse({ originalBytes, compressedBytes, memoryBytes });
}

/** Null for an area that is not a zram device. @param area as in /proc/swaps */
export function zramUseOf(area: string): z.infer<typeof zramUse> | null {
  const name = /^\/dev\/(zram\d+)$/.exec(area)?.[1];
  const path = `/sys/block/${name}/mm_stat`;
  return name && existsSync(path) ? parseMmStat(readFileSync(path, "utf8")) : null;
}
