import { paretoIndex } from "../pareto.ts";

export const PAGES = 50;

/** Page number ~ bounded Pareto (shape 0.9, size 50): few pages get most requests. */
export const input = (random: () => number) => ({ id: paretoIndex(random, 0.9, PAGES) });
