import { expect, test } from "bun:test";
import { policySettings } from "../memory/settings.ts";
import { functionText } from "./function-text.ts";

const learned = {
  ...{ reuseIntervals: 3, reuseP99S: null, semiWarmRestS: 60, semiWarmAllS: 90 },
  ...{ usualMs: null, undisturbedP95Ms: null, recentP95Ms: null, backOff: 1 },
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
