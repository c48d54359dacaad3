import { random } from "../../src/base/random.ts";

/** An undirected graph in compressed sparse rows: the neighbours of n are target[start[n]..start[n+1]). */
export interface Graph {
  nodes: number;
  start: Uint32Array;
  target: Uint32Array;
}

/**
 * Barabasi-Albert graph by preferential attachment: each new node gets `m` edges to nodes drawn with
 * probability proportional to their degree (Barabasi and Albert, Science 286, 1999), by drawing from the list
 * of all edge ends so far. A drawn repeat is kept as a parallel edge, as in igraph's "psumtree-multiple".
 */
export function barabasiAlbert(nodes: number, m: number, seed: number): Graph {
  const next = random(seed);
  const edges = (nodes - 1) * m;
  // Both ends of edge e are at 2e and 2e + 1: the list that ends are drawn from.
  const ends = new Uint32Array(2 * edges);
  let used = 0;
  for (let node = 1; node < nodes; node++) {
    const before = used;
    for (let i = 0; i < m; i++) {
      ends[used++] = node;
      ends[used++] = before === 0 ? 0 : ends[Math.floor(next() * before)]!;
    }
  }
  const start = new Uint32Array(nodes + 1);
  for (const end of ends) start[end + 1]!++;
  for (let node = 0; node < nodes; node++) start[node + 1]! += start[node]!;
  const target = new Uint32Array(2 * edges);
  const fill = start.slice(0, nodes);
  for (let e = 0; e < ends.length; e += 2) {
    const [a, b] = [ends[e]!, ends[e + 1]!];
    target[fill[a]!++] = b;
    target[fill[b]!++] = a;
  }
  return { nodes, start, target };
}

/** Breadth-first search: nodes in each level, and a checksum over the order of the visit. */
export function breadthFirst(
  graph: Graph,
  from: number,
): { visited: number; levels: number[]; checksum: number } {
  const seen = new Uint8Array(graph.nodes);
  const queue = new Uint32Array(graph.nodes);
  const levels: number[] = [];
  let [head, tail, checksum] = [0, 1, 0];
  queue[0] = from;
  seen[from] = 1;
  while (head < tail) {
    const end = tail;
    levels.push(end - head);
    for (; head < end; head++) {
      const node = queue[head]!;
      checksum = (Math.imul(checksum, 31) + node) >>> 0;
      for (let i = graph.start[node]!; i < graph.start[node + 1]!; i++) {
        const neighbour = graph.target[i]!;
        if (seen[neighbour]) continue;
        seen[neighbour] = 1;
        queue[tail++] = neighbour;
      }
    }
  }
  return { visited: tail, levels, checksum };
}
