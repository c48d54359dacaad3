import { expect, test } from "bun:test";
import { openStore } from "../../results/store.ts";
import { figureEntries } from "../figures/registry.ts";
import { storeFixture } from "../testing/fixture.ts";
import { newestRun } from "./choose-run.ts";

test("the newest run that has what is wanted is drawn, else the newest", () => {
  const store = openStore(":memory:");
  try {
    const older = storeFixture(store, {
      experiment: "benchmarks",
      functions: ["web", "bert"],
      windows: ["high"],
    });
    const newer = storeFixture(store, { experiment: "benchmarks", functions: ["json"], windows: ["low"] });
    const entry = figureEntries.find(({ name }) => name === "benchmarks")!;
    const chosen = (wanted: Parameters<typeof newestRun>[2]) => newestRun(entry, store, wanted)?.id;
    expect(chosen({})).toBe(newer);
    expect(chosen({ function: ["web"] })).toBe(older);
    expect(chosen({ window: ["high"] })).toBe(older);
    expect(chosen({ function: ["json"], window: ["high"] })).toBe(newer);
    expect(chosen({ function: ["gzip"] })).toBe(newer);
  } finally {
    store.close();
  }
});
