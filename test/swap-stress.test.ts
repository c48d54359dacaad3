/** The stress program of ffi/test under the swap plane, the library plain and under sanitizers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zramSwap } from "./swap-device.ts";

const ffi = new URL("../ffi/", import.meta.url).pathname;
const SECONDS = 5;
const folder = mkdtempSync(join(tmpdir(), "faasmem-stress-"));
const swap = zramSwap("512MiB");
afterAll(() => {
  swap?.down();
  rmSync(folder, { recursive: true, force: true });
});

const flags = {
  plain: "-O2",
  asan: "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer",
  tsan: "-O1 -g -fsanitize=thread -fno-omit-frame-pointer",
};

function sh(line: string) {
  const done = Bun.spawnSync(["sh", "-c", line], {
    env: { ...process.env, TSAN_OPTIONS: "halt_on_error=1", ASAN_OPTIONS: "detect_leaks=1" },
  });
  return { code: done.exitCode, said: done.stdout.toString() + done.stderr.toString() };
}

describe.skipIf(!swap)("stress on the swap plane", () => {
  beforeAll(() => {
    const built = sh(`gcc -O2 -std=gnu11 -o '${folder}/stress' '${ffi}/test/stress.c' -pthread`);
    expect(built).toEqual({ code: 0, said: "" });
  });

  test.each(Object.entries(flags))(
    "no wrong byte, no leak, no race (%s)",
    (flavour, options) => {
      const driver = join(folder, `driver-${flavour}`);
      const sources = `'${ffi}'test/driver.c $(ls '${ffi}'*.c '${ffi}'hotness/*.c | grep -v agent.c)`;
      expect(sh(`gcc ${options} -std=gnu11 -o '${driver}' ${sources} -pthread`)).toEqual({
        code: 0,
        said: "",
      });
      for (const threads of flavour === "plain" ? [1, 3] : [3]) {
        // -R: the maps of a sanitized process need more address space than a random layout may leave.
        const run = `timeout 60 setarch -R '${driver}' --pause 2 --prefetch --stats --swap -- '${folder}/stress' ${SECONDS} ${threads} ${threads}`;
        const { code, said } = sh(run);
        expect({ code, said: code === 0 ? "" : said }).toEqual({ code: 0, said: "" });
        expect(said).toMatch(/equal after \d+ operations/);
        expect(Number(/(\d+) pages out/.exec(said)![1])).toBeGreaterThan(1000);
        expect(Number(/(\d+) back in/.exec(said)![1])).toBeGreaterThan(1000);
      }
    },
    150_000,
  );
});
