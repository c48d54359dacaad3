import { expect, test } from "bun:test";
import { parseSwaps } from "./proc-swaps.ts";

test("swaps of every kind are read, names with blanks too", () => {
  const text = [
    "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority",
    "/dev/zram1                              partition\t262140\t\t131072\t\t32767",
    "/var/swap\\040of\\040mine                  file\t\t1048572\t\t0\t\t-2",
    "",
  ].join("\n");
  expect(parseSwaps(text)).toEqual([
    { area: "/dev/zram1", kind: "partition", sizeBytes: 262140 * 1024, usedBytes: 2 ** 27, priority: 32767 },
    { area: "/var/swap of mine", kind: "file", sizeBytes: 1048572 * 1024, usedBytes: 0, priority: -2 },
  ]);
  expect(parseSwaps("Filename Type Size Used Priority\n")).toEqual([]);
});
