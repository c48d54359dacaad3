import { expect, test } from "bun:test";
import { FaasmemError } from "./errors.ts";
import { count, formatMiB, parseOption, parseSize } from "./units.ts";

test("sizes are powers of 1024, whatever the spelling", () => {
  expect(parseSize("4GiB")).toBe(4 * 1024 ** 3);
  expect(parseSize("4g")).toBe(4 * 1024 ** 3);
  expect(parseSize("1.5MiB")).toBe(1.5 * 1024 ** 2);
  expect(parseSize(" 4096 ")).toBe(4096);
  expect(formatMiB(1.5 * 1024 ** 2)).toBe("1.5");
});

test.each(["", "many", "-1", "0", "4XB", "1e400GiB"])("%p is not a size", (text) => {
  expect(() => parseSize(text)).toThrow(FaasmemError);
});

test("a wrong option names itself and is a usage error", () => {
  try {
    parseOption("--window", count, "0");
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: "BAD_OPTION", kind: "usage" });
    expect((error as Error).message).toContain("--window");
  }
});
