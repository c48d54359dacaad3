import { expect, test } from "bun:test";
import { policySettings } from "../memory/settings.ts";
import { functionText } from "./function-text.ts";

const learned = {
  ...{ reuseIntervals: 3, reuseP99S: null, semiWarmRestS: 60, semiWarmAllS: 90 },
  ...{ expectedIdleS: null, usualMs: null, undisturbedP95Ms: null, recentP95Ms: null, backOff: 1 },
};

test("a function's description says whether clean file pages are given back", () => {
  const text = (releaseFiles: boolean) =>
    functionText({
      ...{ name: "web", quotaMiB: 354, system: "faasmem", learned, sandboxes: [] },
      settings: policySettings.parse({ releaseFiles }),
    });
  expect(text(true)).toContain("files            clean pages are given back");
  expect(text(false)).toContain("files            pages stay");
});

test("it says when the next request is expected", () => {
  const text = (expectedIdleS: { low: number; high: number } | null, recallAhead = true) =>
    functionText({
      ...{ name: "web", quotaMiB: 354, system: "faasmem", sandboxes: [] },
      ...{ learned: { ...learned, expectedIdleS }, settings: policySettings.parse({ recallAhead }) },
    });
  const idle = { low: 287.4, high: 304.4 };
  expect(text(null)).toContain("next request     expected at any time");
  expect(text(idle)).toContain("expected after 287 to 304 s idle: memory comes back ahead of it");
  expect(text(idle, false)).toContain("expected after 287 to 304 s idle\n");
});
