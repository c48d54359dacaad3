import { afterAll, expect, test } from "bun:test";
import { z } from "zod";
import { BenchProgram } from "../src/bench/program.ts";
import { startEngine } from "./engine.ts";

const MIB = 1024 ** 2;
const target = z.object({ start: z.number(), pages: z.number() });
const checked = z.object({ wrong: z.number() });
const { server, engine } = await startEngine(40 * MIB);
afterAll(() => {
  engine.close();
  server.close();
});

test("pages that came back and were not changed leave without being sent", async () => {
  const program = await BenchProgram.start(["target", "16"], engine);
  const { start, pages } = await program.ask(target);
  const space = program.space!;
  const all = space.range(start, pages);
  await space.evict(all);
  const sent = server.stats().pagesWritten;
  expect(sent).toBeGreaterThanOrEqual(pages);
  // Brought back in bulk, by faults, and not at all: in each case equal bytes, and nothing is sent.
  for (const bring of [() => space.prefetch(all), () => program.ask(checked, "check"), async () => {}]) {
    await bring();
    await space.evict(all);
    expect(server.stats().pagesWritten).toBe(sent);
    expect(space.stats().remotePages).toBeGreaterThanOrEqual(pages);
  }
  expect(space.stats().unsentPages).toBe(2 * pages);
  // Changed pages are sent, and only they; a page that was changed back is as good as unchanged.
  expect(await program.ask(z.object({ changed: z.number() }), "change 100")).toEqual({ changed: 100 });
  await program.ask(z.object({ dirty: z.number() }), "dirty");
  await space.evict(all);
  expect(server.stats().pagesWritten).toBe(sent + 100);
  expect((await program.ask(checked, "check")).wrong).toBe(0);
  await program.stop();
  for (let i = 0; i < 50 && server.stats().usedBytes > 0; i++) await Bun.sleep(100);
  expect(server.stats().usedBytes).toBe(0);
}, 20_000);

test("a full pool gives up copies of pages that are resident", async () => {
  const first = await BenchProgram.start(["target", "24"], engine);
  const second = await BenchProgram.start(["target", "24"], engine);
  const [one, two] = [await first.ask(target), await second.ask(target)];
  const pages = (program: BenchProgram, at: { start: number; pages: number }) =>
    program.space!.range(at.start, at.pages);
  await first.space!.evict(pages(first, one));
  await first.space!.prefetch(pages(first, one));
  expect(server.stats().usedBytes).toBeGreaterThan(20 * MIB);
  // 24 MiB more do not fit beside them; the pages of the batch that found it full stay local.
  const { evictedPages } = await second.space!.evict(pages(second, two));
  expect(evictedPages).toBeGreaterThan(two.pages / 2);
  await second.space!.evict(pages(second, two));
  expect(second.space!.stats().remotePages).toBeGreaterThanOrEqual(two.pages);
  // Now it is full of pages that are nowhere else.
  const refused = await first.space!.evict(pages(first, one));
  expect(refused).toMatchObject({ cancelled: true, poolFull: true });
  for (const program of [first, second]) {
    expect((await program.ask(checked, "check")).wrong).toBe(0);
    await program.stop();
  }
}, 20_000);
