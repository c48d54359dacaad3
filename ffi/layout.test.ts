import { expect, test } from "bun:test";
import { fromPortable, mappingsOf, toPortable } from "./layout.ts";

const maps = (base: number, extra = "") => {
  const at = (pages: number) => ((base + pages) * 4096).toString(16);
  return `${extra}
${at(0)}-${at(10)} rw-p 00000000 00:00 0
${at(10)}-${at(16)} rw-p 00000000 00:00 0
${at(20)}-${at(24)} r--p 00000000 00:00 0
${at(30)}-${at(34)} rw-p 00000000 00:00 0                          [heap]
${at(40)}-${at(44)} rw-p 00000000 08:01 77                         /usr/lib/x.so
${at(50)}-${at(66)} rw-p 00000000 00:00 0
`;
};

test("mappings have the same names wherever they are, also when they are split", () => {
  const [a, b] = [
    mappingsOf(maps(1000)),
    mappingsOf(maps(77_000, "1000-2000 rw-p 00000000 00:00 0 [stack]")),
  ];
  expect(a.map(({ name }) => name)).toEqual(["/16/0", "[heap]/4/0", "/16/1"]);
  expect(b.map(({ name }) => name)).toEqual(["[stack]/1/0", "/16/0", "[heap]/4/0", "/16/1"]);
});

test("pages are found again in a process of another layout; strange ones are left out", () => {
  const from = mappingsOf(maps(1000));
  const to = mappingsOf(maps(77_000));
  const ranges: [number, number][] = [
    [1002, 1004],
    [1015, 1020],
    [1031, 1032],
    [1041, 1043],
    [1050, 1066],
  ];
  const moved = fromPortable(toPortable(ranges, from), to);
  expect(moved).toEqual([
    [77_002, 77_004],
    [77_015, 77_016],
    [77_031, 77_032],
    [77_050, 77_066],
  ]);
  expect(
    fromPortable(
      [
        { mapping: "/16/0", runs: [[14, 100]] },
        { mapping: "gone", runs: [[0, 1]] },
      ],
      to,
    ),
  ).toEqual([[77_014, 77_016]]);
});
