import { expect, test } from "bun:test";
import { MODEL_VERSION } from "../profile/model.ts";
import type { CellRecord, Store } from "../results/store.ts";
import type { CellPlan } from "./plan.ts";
import { Progress } from "./progress.ts";
import { missingFor, profilingRunner } from "./simulation.ts";

const profile = (name: string, version: number, at: string) => ({
  profile: { function: name, model: { version, latencies: [{}] } },
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

test("a validation profiles right before a function's first cell, and times its requests again before each further repeat", async () => {
  const begun = new Date("2026-01-02");
  const profiles = [profile("web", MODEL_VERSION, "2026-01-01")];
  const store = { listProfiles: () => profiles, loadBench: () => null } as unknown as Store;
  const done: string[] = [];
  const work = {
    profiles: async (names: readonly string[]) => {
      done.push(`profile ${names}`);
      for (const name of names) profiles.unshift(profile(name, MODEL_VERSION, "2026-01-03"));
    },
    latency: async (name: string, seed: number) => {
      done.push(`time ${name} ${seed}`);
      profiles.find(({ profile }) => profile.function === name)!.profile.model.latencies.push({});
    },
    cell: async (plan: CellPlan) => {
      done.push(`${plan.function} ${plan.system} ${plan.repeat}`);
      return {} as CellRecord;
    },
  };
  const progress = new Progress(1, { quiet: true });
  const runner = profilingRunner(begun, store, progress, new AbortController().signal, work);
  for (const repeat of [0, 1, 2])
    for (const name of ["web", "json"])
      for (const system of ["a", "b"]) await runner({ function: name, system, repeat } as CellPlan);
  expect(done).toEqual(
    [
      ["profile web", "web a 0", "web b 0", "profile json", "json a 0", "json b 0"],
      ["time web 2", "web a 1", "web b 1", "time json 2", "json a 1", "json b 1"],
      ["time web 3", "web a 2", "web b 2", "time json 3", "json a 2", "json b 2"],
    ].flat(),
  );
});
