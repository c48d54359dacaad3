/** Who answers faults has a larger share of a busy processor; programs, and who moves pages away, have not. */
import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { z } from "zod";
import { BenchProgram } from "../src/bench/program.ts";
import { startEngine } from "./engine.ts";

const { server, engine } = await startEngine();
afterAll(() => {
  engine.close();
  server.close();
});

/** Nice values of a process's threads (field 19 of proc_pid_stat(5)), by the threads' names. */
function niceOf(pid: number | "self"): Map<string, number> {
  const threads = readdirSync(`/proc/${pid}/task`).map((id) => {
    const stat = readFileSync(`/proc/${pid}/task/${id}/stat`, "utf8");
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    return [name, Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16])] as const;
  });
  return new Map(threads);
}

/** CAP_SYS_NICE, which containers often take even from root. */
const mayRaise = () =>
  (BigInt(`0x${/CapEff:\s*(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]}`) >> 23n) & 1n;

test("threads that programs wait for go before others, and the programs' own stay as they are", async () => {
  const program = await BenchProgram.start(["target", "4"], engine);
  const { start, pages } = await program.ask(z.object({ start: z.number(), pages: z.number() }));
  const space = program.space!;
  await space.evict(space.range(start, pages));
  expect((await program.ask(z.object({ wrong: z.number() }), "check")).wrong).toBe(0);
  await Bun.sleep(50); // polling, which gives way, is over
  const own = niceOf("self");
  const usual = own.get("fm-evictor") ?? own.get("fm-reader")!;
  expect(own.get("fm-reader")).toBe(usual);
  const prompt = mayRaise() ? Math.max(-20, usual - 10) : usual;
  for (const name of ["fm-pager", "fm-fetcher"]) expect([name, own.get(name)]).toEqual([name, prompt]);
  expect([...niceOf(space.pid).values()].every((nice) => nice === usual)).toBe(true);
  await program.stop();
}, 20_000);
