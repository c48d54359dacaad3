import { afterAll, expect, test } from "bun:test";
import { startEngine } from "./engine.ts";
import { LineProgram } from "./line-program.ts";

const CYCLES = 24;
const { server, engine } = await startEngine();
afterAll(() => {
  engine.close();
  server.close();
});

const program = (name: string) => new URL(`./programs/${name}`, import.meta.url).pathname;
// The interpreter itself: version managers put a script in its place, which the agent would be loaded into.
const pythonPath = Bun.spawnSync(["python3", "-c", "import sys; print(sys.executable)"])
  .stdout.toString()
  .trim();
const python = program("program.py");
const script = program("program.mjs");

test.each([
  ["python3", [pythonPath, python]],
  ["node", ["node", script]],
  ["bun", [process.execPath, script]],
])(
  "%s answers the same, byte for byte, when all its memory leaves before each request",
  async (_, command) => {
    const plain = new LineProgram(command, null);
    const expected: string[] = [];
    for (let i = 0; i < CYCLES; i++) expected.push(await plain.ask(""));
    plain.child.kill();

    const attachment = engine.prepare();
    const managed = new LineProgram(command, attachment);
    const space = await attachment.attach(managed.child.pid);
    const answers: string[] = [];
    let evicted = 0;
    for (let i = 0; i < CYCLES; i++) {
      // Half of the time the program runs while its pages leave; else it finds them gone.
      const eviction = space.snapshot().then((pages) => space.evict(pages));
      if (i % 2) evicted += (await eviction).evictedPages;
      answers.push(await managed.ask(""));
      if (i % 2 === 0) evicted += (await eviction).evictedPages;
    }
    expect(answers).toEqual(expected);
    expect(evicted).toBeGreaterThan(CYCLES * 100);
    const stats = space.stats();
    expect(stats.recallFaults).toBeGreaterThan(CYCLES);
    managed.child.kill();
    await managed.child.exited;
    space.close();
    // Nothing of a program that has ended stays in the pool.
    for (let i = 0; i < 50 && server.stats().usedBytes > 0; i++) await Bun.sleep(100);
    expect(server.stats().usedBytes).toBe(0);
  },
  120_000,
);

test("prefetch brings a set back in bulk, and a dead process is empty everywhere", async () => {
  const attachment = engine.prepare();
  const managed = new LineProgram([process.execPath, script], attachment);
  const space = await attachment.attach(managed.child.pid);
  await managed.ask("");
  const pages = await space.snapshot();
  await space.evict(pages);
  const { remotePages: away, recalledPages: before } = space.stats();
  expect(away).toBeGreaterThan(pages.pages / 2);
  const back = await space.prefetch(pages);
  // On a busy machine the program's own threads fault some back first.
  expect(space.stats().recalledPages - before).toBeGreaterThan(away * 0.9);
  expect(back).toBeGreaterThan(away * 0.5);
  expect(space.stats().remotePages).toBeLessThan(away * 0.1);
  expect((await space.takeRecalled()).pages).toBeGreaterThanOrEqual(back);
  managed.child.kill();
  await managed.child.exited;
  expect((await space.snapshot()).pages).toBe(0);
  expect(await space.evict(pages)).toMatchObject({ evictedPages: 0 });
  expect(await space.prefetch(pages)).toBe(0);
  space.close();
  expect(space.stats().remotePages).toBe(0);
});

test("page sets are sets", async () => {
  const attachment = engine.prepare();
  const managed = new LineProgram([process.execPath, script], attachment);
  const space = await attachment.attach(managed.child.pid);
  await managed.ask("");
  const all = await space.snapshot();
  const some = all.first(100);
  expect(some.pages).toBe(100);
  expect(all.subtract(some).pages).toBe(all.pages - 100);
  expect(all.subtract(some).union(some).pages).toBe(all.pages);
  expect(all.intersect(some).pages).toBe(100);
  expect(space.empty().union(some).pages).toBe(100);
  managed.child.kill();
  await managed.child.exited;
  space.close();
});
