import type { Policy } from "./policy.ts";

/** No offload at all: what keep-alive costs today, and the yardstick of every comparison. */
export const baseline: Policy = {
  semiWarm: false,
  ready: async () => {},
  loaded: async () => {},
  requestStart: () => {},
  requestEnd: () => {},
  close: () => {},
};
