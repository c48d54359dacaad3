import { expect, test } from "bun:test";
import { decodeRuns } from "../memory/page-runs.ts";
import { Numbering } from "./numbering.ts";

test("blocks of 64 pages keep order, alignment and neighbours; others come no nearer than a block", () => {
  const numbering = new Numbering();
  const far = 0x7f_0000_0000; // pages of addresses that no 31 bits hold
  numbering.see([[64 * 10 + 3, 64 * 11 + 5]]);
  numbering.see([[far * 64 + 60, far * 64 + 61]]);
  const encoded = numbering.encode([
    [64 * 10 + 3, 64 * 11 + 5],
    [far * 64 + 60, far * 64 + 61],
  ]);
  const [start, end, other] = decodeRuns(encoded).runs;
  expect(start! % 64).toBe(3);
  expect(end! - start!).toBe(66);
  expect(other! % 64).toBe(60);
  expect(Math.floor(other! / 64) - Math.floor(end! / 64)).toBe(2);
});
