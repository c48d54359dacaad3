import { expect, test } from "bun:test";
import { handler, renderTable } from "./handler.ts";

test("a table of two rows and two columns is this text", () => {
  const row =
    '<tr>\n<td><span class="column-0">0</span></td>\n<td><span class="column-1">1</span></td>\n</tr>\n';
  expect(renderTable(2, 2).replaceAll(/\n+/g, "\n")).toBe(`<table>\n${row}${row}</table>\n`);
});

test("a request renders every cell", () => {
  expect(renderTable(100, 100).match(/<td>/g)).toHaveLength(10_000);
  expect(handler({ num_of_rows: 100, num_of_cols: 100 }).bytes).toBe(renderTable(100, 100).length);
  expect(() => handler({ num_of_rows: 1e9 })).toThrow("num_of_rows must be");
});
