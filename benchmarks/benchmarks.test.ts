import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { random } from "../src/base/random.ts";
import { barabasiAlbert, breadthFirst, type Graph } from "./graph/graph.ts";
import { handler as json } from "./json/handler.ts";
import { boundedPareto, paretoIndex } from "./pareto.ts";
import { htmlPages } from "./web/pages.ts";

/** A graph from a list of undirected edges. */
function graphOf(nodes: number, edges: [number, number][]): Graph {
  const lists = Array.from({ length: nodes }, () => [] as number[]);
  for (const [a, b] of edges) {
    lists[a]!.push(b);
    lists[b]!.push(a);
  }
  const start = new Uint32Array(nodes + 1);
  lists.forEach((list, i) => {
    start[i + 1] = start[i]! + list.length;
  });
  return { nodes, start, target: Uint32Array.from(lists.flat()) };
}

test("breadth-first search counts the levels of a fixed graph", () => {
  const graph = graphOf(8, [
    [0, 1],
    [0, 2],
    [1, 3],
    [2, 3],
    [3, 4],
    [4, 5],
    [6, 7],
  ]);
  expect(breadthFirst(graph, 0)).toMatchObject({ visited: 6, levels: [1, 2, 1, 1, 1] });
  expect(breadthFirst(graph, 4).levels).toEqual([1, 2, 2, 1]);
  expect(breadthFirst(graph, 7)).toMatchObject({ visited: 2, levels: [1, 1] });
});

test("the generated graph has the edges it should, a heavy tail, and is one piece", () => {
  const graph = barabasiAlbert(5000, 8, 3);
  expect(graph.target.length).toBe(2 * 8 * 4999);
  const degree = Array.from({ length: 5000 }, (_, i) => graph.start[i + 1]! - graph.start[i]!).toSorted(
    (a, b) => b - a,
  );
  expect(Math.min(...degree)).toBeGreaterThanOrEqual(8);
  expect(degree[0]!).toBeGreaterThan(20 * degree[2500]!); // a random graph of this size has no such hubs
  expect(breadthFirst(graph, 17).visited).toBe(5000);
  // Both directions of every edge.
  let sum = 0;
  for (let node = 0; node < 5000; node++) {
    for (let i = graph.start[node]!; i < graph.start[node + 1]!; i++)
      sum += (node - graph.target[i]!) * (node + graph.target[i]!);
  }
  expect(sum).toBe(0);
});

test("web pages are HTML of 1 to 3 MiB, the same each time", () => {
  const pages = htmlPages(2024, 6);
  for (const page of pages) {
    expect(page.length).toBeGreaterThan(1024 ** 2 - 64);
    expect(page.length).toBeLessThan(3 * 1024 ** 2 + 8192);
    expect(page).toStartWith("<!doctype html>");
    expect(page).toEndWith("</html>\n");
    expect(page.match(/<article/g)!.length).toBe(page.match(/<\/article>/g)!.length);
  }
  expect(new Set(pages.map((page) => page.slice(0, 300))).size).toBe(6);
  expect(htmlPages(2024, 2)).toEqual(pages.slice(0, 2));
});

test("SHA3-512 is NIST's (FIPS 202, example of the empty message and of 'abc')", () => {
  const sha3 = (text: string) => createHash("sha3-512").update(text, "latin1").digest("hex");
  expect(sha3("")).toStartWith("a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a6");
  expect(sha3("abc")).toStartWith("b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e");
});

test("the JSON function parses and prints its document, the same each time", () => {
  const { bytes, digest } = json();
  expect(bytes).toBeGreaterThan(3 * 1024 ** 2);
  expect(json()).toEqual({ bytes, digest });
});

test("the bounded Pareto sampler has the distribution it claims", () => {
  const [shape, low, high] = [0.9, 1, 51];
  expect(boundedPareto(0, shape, low, high)).toBe(low);
  expect(boundedPareto(1 - 1e-15, shape, low, high)).toBeCloseTo(high, 6);
  const cdf = (x: number) => (1 - (low / x) ** shape) / (1 - (low / high) ** shape);
  for (const u of [0.1, 0.5, 0.9]) expect(cdf(boundedPareto(u, shape, low, high))).toBeCloseTo(u, 12);
  const next = random(5);
  const counts = new Array(50).fill(0);
  const n = 100_000;
  for (let i = 0; i < n; i++) counts[paretoIndex(next, 0.9, 50)]++;
  // Kolmogorov distance against the closed form; 1.95 / sqrt(n) is its 99.9 % point.
  let [seen, worst] = [0, 0];
  counts.forEach((count, i) => {
    seen += count;
    worst = Math.max(worst, Math.abs(seen / n - cdf(i + 2)));
  });
  expect(worst).toBeLessThan(1.95 / Math.sqrt(n));
});
