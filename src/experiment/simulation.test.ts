import { expect, test } from "bun:test";
import { MODEL_VERSION } from "../profile/model.ts";
import type { Store } from "../results/store.ts";
import { missingFor } from "./simulation.ts";

const profile = (name: string, version: number, at: string) => ({
  profile: { function: name, model: { version } },
  measuredAt: new Date(at),
});

test("profiles of another version, or of before a time, are measured anew", () => {
  const store = {
    listProfiles: () => [
      profile("web", MODEL_VERSION, "2026-01-02"),
      profile("json", MODEL_VERSION - 1, "2026-01-02"),
      profile("graph", MODEL_VERSION, "2026-01-01"),
    ],
    loadBench: () => null,
  } as unknown as Store;
  const functions = ["web", "json", "graph", "bert"];
  expect(missingFor(functions, store)).toEqual({ bench: true, profiles: ["json", "bert"] });
  expect(missingFor(functions, store, new Date("2026-01-02")).profiles).toEqual(["json", "graph", "bert"]);
});
