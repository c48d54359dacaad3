import { expect, test } from "bun:test";
import { datasetOf, type Source } from "../data/dataset.ts";
import { modeText } from "../data/provenance.ts";
import { fixtureBarriers, fixtureSource } from "../testing/fixture.ts";
import { verdictOf } from "./claim.ts";
import { claims, judgeAll } from "./judge.ts";
import { redoCommand } from "./redo.ts";

const claim = (id: string) => claims.find((one) => one.id === id)!;
const judged = (id: string, source: Source) => claim(id).judge(datasetOf([source]));

/** A run whose cells have these shares of baseline. */
function shares(cells: { memory: number; p95: number }[]): Source {
  const functions = cells.map((_, i) => `f${i}`);
  const source = fixtureSource({ experiment: "benchmarks", functions, windows: ["high"], samples: 2 });
  const records = source.records.map((record) => {
    const own = cells[Number(record.cell.function.slice(1))]!;
    const factor = record.cell.system === "faasmem" ? own : { memory: 1, p95: 1 };
    return {
      ...record,
      cell: { ...record.cell, avgLocalBytes: 1e8 * factor.memory, p95Ms: 10 * factor.p95 },
    };
  });
  return { ...source, records };
}
const fine = { memory: 0.5, p95: 1.05 };

test("memory: each cell must save what the paper's least one does", () => {
  expect(judged("memory", shares([fine, { ...fine, memory: 0.9 }]))!.verdict).toBe("reproduced");
  const one = judged("memory", shares([fine, fine, fine, fine, { ...fine, memory: 0.95 }]))!;
  expect(one.verdict).toBe("partly");
  expect(one.measured.join(" ")).toContain("5.0 % to 50.0 % less than baseline");
  expect(one.measured.join(" ")).toContain("f4 (high)");
  expect(judged("memory", shares([fine, { ...fine, memory: 1.2 }]))!.verdict).toBe("not reproduced");
});

test("P95: 110 % is the limit", () => {
  expect(judged("latency", shares([fine, { ...fine, p95: 1.1 }]))!.verdict).toBe("reproduced");
  expect(judged("latency", shares([fine, { ...fine, p95: 1.11 }]))!.verdict).toBe("not reproduced");
});

test("intervals are over repeats", () => {
  const source = fixtureSource({
    experiment: "benchmarks",
    functions: ["web"],
    windows: ["high"],
    repeats: 3,
  });
  expect(judged("memory", source)!.measured[0]).toMatch(/± \d+\.\d % \(95 %, 3 repeats\)/);
  expect(judged("memory", shares([fine]))!.measured[0]).not.toContain("±");
});

test("barriers: ten milliseconds are a few", () => {
  const barriers = fixtureBarriers(["web"]);
  const source = fixtureSource({ experiment: "overhead", windows: [], documents: { barriers } });
  expect(judged("overhead", source)!.verdict).toBe("reproduced");
  for (const sandbox of barriers[0]!.sandboxes) sandbox.initExecutionMs = 12;
  expect(judged("overhead", source)!.verdict).toBe("not reproduced");
});

test("a comparison that saves memory but is slow is reproduced in part", () => {
  const source = fixtureSource({
    experiment: "benchmarks",
    functions: ["web"],
    systems: ["tmo", "faasmem"],
    windows: ["high"],
  });
  expect(judged("tmo", source)!.verdict).toBe("reproduced");
  const slow = source.records.map((record) =>
    record.cell.system === "faasmem" ? { ...record, cell: { ...record.cell, p95Ms: 1000 } } : record,
  );
  expect(judged("tmo", { ...source, records: slow })!.verdict).toBe("partly");
});

test("what no run has is not measured, with the command that measures it", () => {
  const all = judgeAll(() => null);
  expect(all).toHaveLength(claims.length);
  for (const { verdict, command } of all) {
    expect(verdict).toBe("not measured");
    expect(command).toStartWith("faasmem experiment run ");
  }
});

test("quick stands in where there is no run of benchmarks, and is named", () => {
  const quick = fixtureSource({ experiment: "quick", functions: ["web"], runId: 5 });
  const found = judgeAll((entry) => (entry.name === "quick" ? quick : null)).find(
    ({ id }) => id === "memory",
  )!;
  expect(found.run).toMatchObject({
    id: 5,
    experiment: "quick",
    mode: expect.stringContaining("30x real time"),
  });
});

test("verdicts", () => {
  expect([verdictOf(5, 5, 0.8), verdictOf(4, 5, 0.8), verdictOf(3, 5, 0.8)]).toEqual([
    "reproduced",
    "partly",
    "not reproduced",
  ]);
});

test("the command to redo a run names all that was chosen, quoted for a shell", () => {
  const source = fixtureSource({
    experiment: "benchmarks",
    functions: ["web"],
    windows: ["low"],
    repeats: 3,
  });
  const plan = { ...source.plan, functions: ["web"], systems: ["baseline", "./my policy.ts"], repeats: 3 };
  expect(redoCommand({ ...source, plan })).toBe(
    "faasmem experiment run benchmarks --mode replay --function web --system baseline --policy './my policy.ts' --window-label low --trace quick --time-scale 30 --seed 1 --repeat 3",
  );
});

test("windows that were played at scales of their own are played so again, and every text says it", () => {
  const source = fixtureSource({ experiment: "loads", functions: ["web"], windows: ["high", "rare"] });
  const [high, rare] = source.plan.windows.map((window, i) => ({ ...window, timeScale: i === 0 ? 1 : 60 }));
  const scaled = (windows: typeof source.plan.windows) => ({ ...source, plan: { ...source.plan, windows } });
  const both = scaled([high!, rare!]);
  expect(redoCommand(both)).not.toContain("--time-scale");
  expect(modeText(both)).toContain("trace time 1x to 60x real time");
  expect(redoCommand(scaled([rare!]))).toContain("--time-scale 60 ");
  expect(modeText(scaled([rare!]))).toContain("trace time 60x real time");
});
