import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SandboxSpace } from "../src/sandbox/attachment.ts";
import { startEngine } from "./engine.ts";
import { LineProgram } from "./line-program.ts";

const folder = mkdtempSync(join(tmpdir(), "faasmem-attach-"));
const { server, engine } = await startEngine();
afterAll(() => {
  engine.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const script = new URL("./programs/program.mjs", import.meta.url).pathname;
const target = new URL("../ffi/bench/", import.meta.url).pathname;

/** Builds the measuring program without a dynamic loader. */
function staticProgram(): string {
  const path = join(folder, "static-program");
  const sources = ["main", "target", "limits", "rerun"].map((name) => join(target, `${name}.c`));
  const built = Bun.spawnSync(["gcc", "-O2", "-std=gnu11", "-static", "-o", path, ...sources, "-pthread"]);
  expect(built.stderr.toString()).toBe("");
  return path;
}

/** Evicts everything between the questions to a program; it must answer as one does that is left alone. */
async function expectManaged(
  space: SandboxSpace,
  ask: () => Promise<string>,
  expected: string[],
): Promise<void> {
  let evicted = 0;
  for (const answer of expected) {
    evicted += (await space.evict(await space.snapshot())).evictedPages;
    expect(await ask()).toBe(answer);
  }
  expect(evicted).toBeGreaterThan(500);
  expect(space.stats().recalledPages).toBeGreaterThan(100);
}

/** What an unmanaged twin answers, the first time and after that. */
async function answersOf(command: string[], line: string, greets: boolean): Promise<string[]> {
  const twin = new LineProgram(command, null);
  if (greets) await twin.read();
  const answers: string[] = [];
  for (let i = 0; i < 7; i++) answers.push(await twin.ask(line));
  await twin.stop();
  return answers;
}

test("a static program, which preloads nothing, has the agent injected", async () => {
  const attachment = engine.prepare();
  const program = new LineProgram([staticProgram(), "target", "16"], attachment);
  const space = await attachment.attach(program.pid);
  await program.read();
  await expectManaged(space, () => program.ask("check"), Array(6).fill('{"wrong":0}'));
  await program.stop();
  space.close();
}, 20_000);

test("processes that run already are attached to, in whatever they are", async () => {
  for (const command of [
    [staticProgram(), "target", "16"],
    [process.execPath, script],
    ["node", script],
  ]) {
    const greets = command[1] === "target";
    const line = greets ? "check" : "";
    const [first, ...others] = await answersOf(command, line, greets);
    const program = new LineProgram(command, null);
    if (greets) await program.read();
    expect(await program.ask(line)).toBe(first!);
    const space = await engine.attachRunning(program.pid);
    await expectManaged(space, () => program.ask(line), others);
    await program.stop();
    space.close();
  }
}, 60_000);

test("threads in system calls, at work and with signals on the way survive an injection", async () => {
  // Prints how often its timers and signals came and what its threads computed: all of it exact.
  const code = `
    import signal, threading, time, sys
    hits = 0
    def on_alarm(*_):
        global hits
        hits += 1
    signal.signal(signal.SIGALRM, on_alarm)
    results = []
    def work(n):
        total = 0
        for i in range(n): total = (total * 31 + i) % 1000003
        results.append(total)
    for line in sys.stdin:
        hits, results = 0, []
        threads = [threading.Thread(target=work, args=(400000,)) for _ in range(3)]
        [t.start() for t in threads]
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        end = time.monotonic() + 0.5
        while time.monotonic() < end: time.sleep(0.05)
        signal.setitimer(signal.ITIMER_REAL, 0, 0)
        [t.join() for t in threads]
        print(len(results), len(set(results)), results[0], 25 < hits < 60, flush=True)`;
  const program = new LineProgram(["/usr/bin/python3", "-c", code.replaceAll("\n    ", "\n")], null);
  const expected = await program.ask("");
  expect(expected).toStartWith("3 1 ");
  expect(expected).toEndWith("True");
  const answer = program.ask("");
  await Bun.sleep(100);
  const space = await engine.attachRunning(program.pid);
  await space.evict(await space.snapshot());
  expect(await answer).toBe(expected);
  await program.stop();
  space.close();
}, 20_000);

test("an exec is followed: the new program is managed under the same space", async () => {
  const [first, ...others] = await answersOf([process.execPath, script], "", false);
  const attachment = engine.prepare();
  // A shell that has pages away, then becomes another program.
  const shell = `read a; x=$(seq 1 20000); echo ready; read b; exec ${process.execPath} ${script}`;
  const program = new LineProgram(["/bin/bash", "-c", shell], attachment);
  const space = await attachment.attach(program.pid);
  expect(await program.ask("")).toBe("ready");
  await space.evict(await space.snapshot());
  expect(space.stats().remotePages).toBeGreaterThan(10);
  program.write("");
  expect(await program.ask("")).toBe(first!);
  for (let i = 0; i < 100 && (await space.snapshot()).pages === 0; i++) await Bun.sleep(20);
  await expectManaged(space, () => program.ask(""), others);
  await program.stop();
  space.close();
  for (let i = 0; i < 50 && server.stats().usedBytes > 0; i++) await Bun.sleep(100);
  expect(server.stats().usedBytes).toBe(0);
}, 20_000);

test("a program that executes another as soon as its agent has come is managed as that other", async () => {
  const [, ...others] = await answersOf([process.execPath, script], "", false);
  for (let round = 0; round < 4; round++) {
    const attachment = engine.prepare();
    const program = new LineProgram(["/usr/bin/env", process.execPath, script], attachment);
    if (round % 2 === 1) await Bun.sleep(50); // what the agent sent is read when the agent is gone
    const space = await attachment.attach(program.pid);
    await program.ask("");
    for (let i = 0; i < 100 && (await space.snapshot()).pages === 0; i++) await Bun.sleep(20);
    await expectManaged(space, () => program.ask(""), others);
    await program.stop();
    space.close();
  }
}, 60_000);

test("what cannot be attached to says why, and goes on", async () => {
  expect(engine.attachRunning(2 ** 22 - 7)).rejects.toMatchObject({ code: "PROCESS_GONE" });
  // A process can have one tracer.
  const traced = new LineProgram(["strace", "-f", "-o", "/dev/null", "cat"], null);
  expect(await traced.ask("hello")).toBe("hello");
  const children = await Bun.file(`/proc/${traced.pid}/task/${traced.pid}/children`).text();
  expect(engine.attachRunning(Number(children.trim()))).rejects.toMatchObject({ code: "NOT_PERMITTED" });
  await Bun.sleep(100);
  expect(await traced.ask("still here")).toBe("still here");
  await traced.stop();
  // It ends while it is being attached to.
  for (let i = 0; i < 30; i++) {
    const brief = Bun.spawn(["/bin/true"]);
    try {
      const space = await engine.attachRunning(brief.pid);
      space.close();
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/^(PROCESS_GONE|SYSTEM_CALL)$/);
    }
    await brief.exited;
  }
}, 20_000);
