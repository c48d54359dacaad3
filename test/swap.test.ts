/** The swap plane, for real: on a small zram that is set up here and undone at the end. */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { openSwapEngine } from "../ffi/index.ts";
import { assets } from "../src/assets.ts";
import { BenchProgram } from "../src/bench/program.ts";
import { activeSwaps } from "../src/driver/proc-swaps.ts";
import type { MemoryEngine } from "../src/sandbox/attachment.ts";
import { LineProgram } from "./line-program.ts";
import { zramSwap } from "./swap-device.ts";

const CYCLES = 12;
const library = await Bun.file(assets.library).bytes();
const noOtherSwap = activeSwaps().length === 0;
const withoutSwap = codeOf(() => openSwapEngine(library).close());
const swap = zramSwap("640MiB");
let engine: MemoryEngine;
if (swap) {
  try {
    engine = openSwapEngine(library);
  } catch (error) {
    swap.down();
    throw error;
  }
}
afterAll(() => {
  engine?.close();
  swap?.down();
});

/** Code of what `run` throws. */
function codeOf(run: () => void): string | null {
  try {
    run();
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const program = (name: string) => new URL(`./programs/${name}`, import.meta.url).pathname;
const python = program("program.py");
const script = program("program.mjs");
const target = z.object({ start: z.number(), pages: z.number() });
const checked = z.object({ wrong: z.number() });

/** Swap of a process in pages, as the kernel tells it by mapping. */
function swapPages(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Swap:\s+(\d+) kB/m.exec(rollup)![1]) / 4;
}

describe.skipIf(!swap)("swap plane", () => {
  test.each([
    ["python3", ["python3", python]],
    ["node", ["node", script]],
    ["bun", [process.execPath, script]],
  ])(
    "%s answers the same, byte for byte, when all its memory leaves before each request",
    async (_, command) => {
      const plain = new LineProgram(command, null);
      const expected: string[] = [];
      for (let i = 0; i < CYCLES; i++) expected.push(await plain.ask(""));
      await plain.stop();

      const attachment = engine.prepare();
      const managed = new LineProgram(command, attachment);
      const space = await attachment.attach(managed.pid);
      const answers: string[] = [];
      let evicted = 0;
      for (let i = 0; i < CYCLES; i++) {
        // Half of the time the program runs while its pages leave; else it finds them gone, or some brought back.
        const eviction = space.snapshot().then(async (pages) => {
          evicted += (await space.evict(pages)).evictedPages;
          if (i % 4 === 1) await space.prefetch(pages.first(pages.pages / 2));
        });
        if (i % 2) await eviction;
        answers.push(await managed.ask(""));
        await eviction;
      }
      expect(answers).toEqual(expected);
      expect(evicted).toBeGreaterThan(CYCLES * 100);
      expect(space.stats().recallFaults).toBeGreaterThan(CYCLES);
      await managed.stop();
      space.close();
    },
    120_000,
  );

  test("exact sets leave, come back in bulk and by faults, and are counted", async () => {
    const bench = await BenchProgram.start(["target", "64"], engine);
    const { start, pages } = await bench.ask(target);
    const space = bench.space!;
    const all = space.range(start, pages);
    const half = all.first(pages / 2);
    const { evictedPages, cancelled } = await space.evict(half);
    // Pages that another processor has just allocated are not on the kernel's lists yet: a handful.
    expect(evictedPages).toBeGreaterThan(half.pages * 0.99);
    expect(evictedPages).toBeLessThanOrEqual(half.pages);
    expect(cancelled).toBe(false);
    const left = (await space.snapshot()).intersect(all);
    expect(left.pages).toBe(pages - evictedPages);
    expect(all.subtract(half).subtract(left).pages).toBe(0);
    expect(space.stats()).toMatchObject({ remotePages: evictedPages, evictedPages, recallFaults: 0 });
    expect(swapPages(bench.pid)).toBe(evictedPages);
    // What is away already does not leave again.
    expect((await space.evict(half)).evictedPages).toBeLessThan(half.pages * 0.01);

    const quarter = all.first(pages / 4);
    const back = await space.prefetch(quarter);
    expect(back).toBeGreaterThan(quarter.pages * 0.99);
    expect(space.stats()).toMatchObject({ recallFaults: 0, recalledPages: back });
    expect((await bench.ask(checked, "check")).wrong).toBe(0);
    const stats = space.stats();
    expect(stats.remotePages).toBeLessThan(50); // of the program's other mappings: none of these
    expect(stats.recallFaults).toBeGreaterThan(half.pages * 0.9 - back);
    expect(stats.recalledPages).toBe(stats.recallFaults + back);
    const recalled = await space.takeRecalled();
    expect(half.subtract(recalled).pages).toBeLessThan(half.pages * 0.01);
    expect((await space.takeRecalled()).pages).toBe(0);
    await bench.stop();
    expect((await space.snapshot()).pages).toBe(0);
    expect(await space.evict(all)).toMatchObject({ evictedPages: 0 });
    expect(await space.prefetch(all)).toBe(0);
  }, 30_000);

  test("an eviction keeps to its bandwidth, and can be cancelled", async () => {
    const bench = await BenchProgram.start(["target", "64"], engine);
    const { start, pages } = await bench.ask(target);
    const space = bench.space!;
    const all = space.range(start, pages);
    const started = performance.now();
    await space.evict(all.first(4096), { bytesPerSecond: 32 * 2 ** 20 });
    expect(performance.now() - started).toBeGreaterThan(400); // 16 MiB at 32 MiB/s, the last slice for free
    const slow = space.evict(all, { bytesPerSecond: 16 * 2 ** 20 });
    await Bun.sleep(500);
    const asked = performance.now();
    space.cancel();
    const { cancelled, evictedPages } = await slow;
    expect(performance.now() - asked).toBeLessThan(100);
    expect(cancelled).toBe(true);
    expect(evictedPages).toBeGreaterThan(500);
    expect(evictedPages).toBeLessThan(6000);
    expect((await bench.ask(checked, "check")).wrong).toBe(0);
    await bench.stop();
  }, 30_000);

  test("locked pages and pages shared with a forked child stay", async () => {
    const code = [
      "import ctypes, mmap, os, sys",
      "libc = ctypes.CDLL(None, use_errno=True)",
      "areas = [mmap.mmap(-1, 4 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(3)]",
      "for area in areas: area.write(os.urandom(len(area)))",
      "at = [ctypes.addressof(ctypes.c_char.from_buffer(area)) // 4096 for area in areas]",
      "assert libc.mlock(ctypes.c_void_p(at[1] * 4096), ctypes.c_size_t(4 << 20)) == 0",
      "print(*at, flush=True)",
      "sys.stdin.readline()",
      "child = os.fork()",
      "if child == 0:",
      "    sys.stdin.readline()",
      "    os._exit(0)",
      "print('forked', flush=True)",
      "os.waitpid(child, 0)",
    ].join("\n");
    const managed = new LineProgram(["python3", "-c", code], null);
    const [plain, locked, shared] = (await managed.read()).split(" ").map(Number);
    const space = await engine.attachRunning(managed.pid);
    const area = (start: number) => space.range(start, 1024);
    const all = area(plain!).union(area(locked!)).union(area(shared!));
    await space.evict(all.subtract(area(shared!)));
    expect((await space.snapshot()).intersect(area(locked!)).pages).toBe(1024);
    expect((await space.snapshot()).intersect(area(plain!)).pages).toBeLessThan(20);
    expect(await managed.ask("")).toBe("forked");
    await space.evict(all);
    expect((await space.snapshot()).intersect(area(shared!)).pages).toBe(1024);
    await managed.stop();
    space.close();
  }, 30_000);

  test("what there is not on this plane says so", () => {
    expect(() => engine.setFaultAround(16)).toThrow(expect.objectContaining({ code: "NOT_ON_THIS_PLANE" }));
    expect(engine.poolAlive).toBe(true);
    expect(engine.attachRunning(2 ** 22 - 7)).rejects.toMatchObject({ code: "PROCESS_GONE" });
  });
});

test.skipIf(!noOtherSwap)("without any swap the engine does not start, and says so", () => {
  expect(withoutSwap).toBe("NO_SWAP");
});
