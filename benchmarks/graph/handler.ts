import { barabasiAlbert, breadthFirst } from "./graph.ts";
import { NODES } from "./input.ts";

const graph = barabasiAlbert(NODES, 50, 2024);

/** Breadth-first search over the graph in memory. */
export function handler(context: unknown): {
  id: number;
  visited: number;
  levels: number[];
  checksum: number;
} {
  const id = Math.trunc(Number((context as { id?: number }).id ?? 0));
  if (!(id >= 0 && id < NODES)) throw new RangeError(`id must be 0 to ${NODES - 1}`);
  return { id, ...breadthFirst(graph, id) };
}
