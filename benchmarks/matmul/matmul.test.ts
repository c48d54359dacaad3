import { expect, test } from "bun:test";
import { handler } from "./handler.ts";
import { multiply, randomMatrix } from "./matrix.ts";

test("products are what they are by definition", () => {
  expect([...multiply(Float64Array.of(1, 2, 3, 4), Float64Array.of(5, 6, 7, 8), 2)]).toEqual([
    19, 22, 43, 50,
  ]);
  for (const n of [1, 31, 32, 33, 70]) {
    const [a, b] = [randomMatrix(n, 1), randomMatrix(n, 2)];
    const product = multiply(a, b, n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let want = 0;
        for (let k = 0; k < n; k++) want += a[i * n + k]! * b[k * n + j]!;
        expect(product[i * n + j]).toBeCloseTo(want, 9);
      }
    }
  }
});

test("the sum of a product is the product of column and row sums", () => {
  const n = 200;
  const [a, b] = [randomMatrix(n, 9), randomMatrix(n, 10)];
  let want = 0;
  for (let k = 0; k < n; k++) {
    let [column, row] = [0, 0];
    for (let i = 0; i < n; i++) {
      column += a[i * n + k]!;
      row += b[k * n + i]!;
    }
    want += column * row;
  }
  expect(handler({ n, seed: 9 }).sum / want).toBeCloseTo(1, 12);
});
