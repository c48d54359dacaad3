import { afterAll, expect, test } from "bun:test";
import { z } from "zod";
import { BenchProgram } from "../src/bench/program.ts";
import { startEngine } from "./engine.ts";

const { server, engine } = await startEngine();
afterAll(() => {
  engine.close();
  server.close();
});

const target = z.object({ start: z.number(), pages: z.number() });
const chosen = z.object({ list: z.array(z.number()) });

/** Has `program` touch pages of its own choice, and gives them as runs of page numbers. */
async function touchSome(program: BenchProgram, count: number, seed: number): Promise<number[]> {
  return (await program.ask(chosen, `choose ${count} ${seed}`)).list;
}

for (const tracker of ["ebpf", "idle"] as const) {
  test(`the ${tracker} tracker names exactly the pages that were touched`, async () => {
    try {
      expect(engine.useTracker(tracker)).toBe(tracker);
    } catch (error) {
      // Privileges are there (the tests run as root): only a kernel without the feature may refuse.
      expect(error).toMatchObject({ code: "KERNEL_TOO_OLD" });
      console.log(`not verified here: this kernel has no ${tracker} tracker`);
      return;
    }
    const program = await BenchProgram.start(["target", "64"], engine);
    const { start, pages } = await program.ask(target);
    const space = program.space!;
    const all = space.range(start, pages);
    for (const [round, count] of [1, 1000, 0, pages, 4096, 1000, 1000].entries()) {
      // A kernel that watches memory for itself (DAMON, reclaim) clears accessed bits too, now and then: it may
      // spoil an attempt, but never add a page.
      let missing = count;
      for (let attempt = 0; attempt < 5 && missing > 0; attempt++) {
        await space.takeTouched();
        const touched = await touchSome(program, count, round + 1);
        const seen = (await space.takeTouched()).intersect(all);
        const runs = touched.toSorted((x, y) => x - y);
        let wanted = space.empty();
        for (let i = 0; i < runs.length; ) {
          let end = i + 1;
          while (runs[end] === runs[i]! + end - i) end++;
          wanted = wanted.union(space.range(runs[i]!, end - i));
          i = end;
        }
        expect(wanted.pages).toBe(count);
        expect(seen.subtract(wanted).pages).toBe(0);
        missing = wanted.subtract(seen).pages;
      }
      expect(missing).toBe(0);
    }
    // Pages that are away are not touched; a page that comes back is.
    await space.evict(all);
    await space.takeTouched();
    expect((await space.takeTouched()).intersect(all).pages).toBe(0);
    engine.setFaultAround(1);
    const [page] = await touchSome(program, 1, 99);
    engine.setFaultAround(64);
    const seen = (await space.takeTouched()).intersect(all);
    expect(seen.subtract(space.range(page!, 1)).pages).toBe(0);
    expect(seen.pages).toBe(1);
    await program.stop();
    expect((await space.takeTouched()).pages).toBe(0);
  }, 60_000);
}

test("without a tracker nothing is known to be touched", async () => {
  expect(engine.useTracker("refault")).toBe("refault");
  const program = await BenchProgram.start(["target", "1"], engine);
  await program.ask(target);
  expect((await program.space!.takeTouched()).pages).toBe(0);
  await program.stop();
});
