import { paretoIndex } from "../pareto.ts";

export const NODES = 100_000;

/** Start node ~ bounded Pareto (shape 0.1, size 100,000). */
export const input = (random: () => number) => ({ id: paretoIndex(random, 0.1, NODES) });
