import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { storeFixture } from "../report/testing/fixture.ts";
import { openStore } from "../results/store.ts";

// Each command line is a process of its own, on a machine that may be busy.
setDefaultTimeout(60_000);
const folder = mkdtempSync(join(tmpdir(), "faasmem-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const store = openStore(join(folder, "faasmem.db"));
for (const status of ["done", "interrupted"] as const)
  storeFixture(store, { experiment: "quick", functions: ["web"], samples: 5 }, status);
store.close();

function faasmem(...args: string[]) {
  const done = Bun.spawnSync([process.execPath, resolve(import.meta.dir, "../main.ts"), ...args], {
    cwd: folder,
    env: { ...process.env, FAASMEM_HOME: folder },
  });
  return { code: done.exitCode, out: done.stdout.toString(), err: done.stderr.toString() };
}

test("plot writes several formats of the newest complete run", () => {
  const { code, out } = faasmem("plot", "quick", "--format", "svg,csv", "--out", "figures", "--json");
  expect(code).toBe(0);
  const { files } = JSON.parse(out) as { files: string[] };
  expect(files.map((file) => file.slice(folder.length))).toEqual([
    "/figures/faasmem-quick.svg",
    "/figures/faasmem-quick.csv",
  ]);
  expect(readdirSync(join(folder, "figures"))).toHaveLength(2);
  expect(faasmem("plot", "quick").out).toContain("Run 1, ");
  expect(faasmem("plot", "quick", "--run", "2").out).toContain("Run 2 (interrupted), ");
});

test("plot --list says what can be drawn, and how to make the rest", () => {
  const rows = JSON.parse(faasmem("plot", "--list", "--json").out) as {
    name: string;
    run: number | null;
    command: string;
  }[];
  const runOf = (name: string) => rows.find((row) => row.name === name)!.run;
  expect([runOf("quick"), runOf("frontier"), runOf("benchmarks"), runOf("heatmap")]).toEqual([
    1,
    1,
    null,
    null,
  ]);
  expect(faasmem("plot", "--list").out).toContain("make one: faasmem experiment run density");
});

test("mistakes are named with what helps", () => {
  const mistakes: [string[], number, string][] = [
    [["plot"], 2, "faasmem plot --list"],
    [["plot", "nothing"], 2, "choose one of: benchmarks"],
    [["plot", "density"], 1, "make one: faasmem experiment run density"],
    [["plot", "quick", "--run", "99"], 2, "there is no run 99"],
    [["plot", "density", "--run", "1"], 2, "run 1 (quick) has nothing"],
    [["plot", "quick", "--format", "gif"], 2, "--format"],
    [["plot", "quick", "--run", "one"], 2, "--run"],
    [["plot", "quick", "--function", "bert"], 2, "its functions: web"],
    [["plot", "quick", "--format", "svg", "--out", "faasmem.db"], 2, "not a folder"],
    [["report", "--format", "pdf"], 2, "--format"],
    [["report", "--run", "99"], 2, "there is no run 99"],
  ];
  for (const [args, code, message] of mistakes) {
    const done = faasmem(...args);
    expect({ args, code: done.code, says: done.err.includes(message), err: done.err }).toEqual({
      args,
      code,
      says: true,
      err: done.err,
    });
    expect(done.err).toContain("fix: ");
  }
});

test("report writes both files and prints verdicts", () => {
  const { code, out } = faasmem("report", "--format", "both", "--out", "report", "--json");
  expect(code).toBe(0);
  const { files, claims } = JSON.parse(out) as { files: string[]; claims: { id: string; verdict: string }[] };
  expect(files.map((file) => file.slice(folder.length))).toEqual([
    "/report/faasmem-report.html",
    "/report/faasmem-report.md",
  ]);
  expect(claims.find(({ id }) => id === "memory")).toMatchObject({ verdict: "reproduced" });
  expect(claims.find(({ id }) => id === "density")).toMatchObject({ verdict: "not measured" });
});
