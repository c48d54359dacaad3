import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { BenchProgram } from "../src/bench/program.ts";
import { startEngine } from "./engine.ts";

const target = z.object({ start: z.number(), pages: z.number() });
const checked = z.object({ wrong: z.number() });
const { server, engine } = await startEngine();
afterAll(() => {
  engine.close();
  server.close();
});

/** Pages whose accessed bit is set (proc_pid_smaps(5)). */
const referenced = (pid: number) =>
  Number(/^Referenced:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))![1]) / 4;

/** Processes whose parent it is, zombies too. */
const children = (pid: number) =>
  readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1]!.split(" ")[1]) === pid;
    } catch {
      return false; // it has ended
    }
  });

async function until(met: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !met(); i++) await Bun.sleep(20);
  expect(met()).toBe(true);
}

test("pages that came back are touched beside the program; those that are away stay there", async () => {
  const program = await BenchProgram.start(["target", "16"], engine);
  const { start, pages } = await program.ask(target);
  const space = program.space!;
  const all = space.range(start, pages);
  await space.evict(all);
  const half = space.range(start, pages / 2);
  expect(await space.prefetch(half)).toBe(pages / 2);
  writeFileSync(`/proc/${space.pid}/clear_refs`, "1");
  expect(referenced(space.pid)).toBeLessThan(pages / 4);
  space.warm(half, all);
  await until(() => referenced(space.pid) >= pages / 2);
  expect(space.stats()).toMatchObject({ recallFaults: 0, recalledPages: pages / 2 });
  // With the next order nothing is left of the process that did it.
  await space.evict(half);
  await until(() => children(space.pid).length === 0);
  expect((await program.ask(checked, "check")).wrong).toBe(0);
  await program.stop();
}, 20_000);

test("pages that the program has not, or has given back, hurt nobody", async () => {
  const program = await BenchProgram.start(["target", "16"], engine);
  const { start, pages } = await program.ask(target);
  const space = program.space!;
  space.warm(space.range(1, 1000), space.empty()); // nothing is mapped there
  await Bun.sleep(100);
  expect((await program.ask(checked, "check")).wrong).toBe(0);
  writeFileSync(`/proc/${space.pid}/clear_refs`, "1");
  await space.evict(space.range(start, 1)); // an order, by which the agent learns of the end of the first process
  space.warm(space.empty(), space.range(start, pages)); // another one does it after the first one's death
  await until(() => referenced(space.pid) >= pages - 1);
  expect((await program.ask(checked, "check")).wrong).toBe(0);
  await program.stop();
}, 20_000);
