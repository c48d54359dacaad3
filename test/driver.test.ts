/** faasmem driver, for real: each swap is small and taken away again. */
import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openServer } from "../ffi/server.ts";
import { assets } from "../src/assets.ts";
import { activeSwaps } from "../src/driver/proc-swaps.ts";

const main = new URL("../src/main.ts", import.meta.url).pathname;
const home = mkdtempSync(join(tmpdir(), "faasmem-driver-"));
const state = join(home, "driver.json");
const before = activeSwaps();

function driver(...args: string[]) {
  const done = Bun.spawnSync([process.execPath, main, "driver", ...args], {
    env: { ...process.env, FAASMEM_HOME: home },
  });
  return { code: done.exitCode, out: done.stdout.toString(), err: done.stderr.toString() };
}
const ours = () => activeSwaps().filter(({ area }) => !before.some((other) => other.area === area));
afterAll(() => {
  driver("down");
  rmSync(home, { recursive: true, force: true });
});

const able = process.geteuid!() === 0 && existsSync("/sys/class/zram-control");
if (!able) console.log("not verified here: faasmem driver needs root and zram");

describe.skipIf(!able)("driver", () => {
  test("zram: up once, shown, and undone to what there was", () => {
    expect(driver("up", "--plane", "swap", "--device", "zram", "--size", "64MiB").code).toBe(0);
    const [swap, ...others] = ours();
    expect(others).toEqual([]);
    expect(swap).toMatchObject({ kind: "partition", sizeBytes: 2 ** 26 - 4096, priority: 32767 });
    expect(statSync(state).mode & 0o777).toBe(0o600);
    expect(driver("up", "--device", "zram", "--size", "64MiB").out).toContain("nothing to do");
    expect(ours()).toEqual([swap!]);
    expect(driver("up", "--device", "zram", "--size", "32MiB")).toMatchObject({
      code: 2,
      err: expect.stringContaining("DRIVER_IS_UP"),
    });
    const status = JSON.parse(driver("status", "--json").out);
    expect(status).toMatchObject({
      plane: "swap",
      device: "zram",
      on: true,
      area: swap!.area,
      others: before,
    });
    expect(status.store.memoryBytes).toBeGreaterThanOrEqual(0);
    expect(driver("down").out).toContain("removed");
    expect(activeSwaps()).toEqual(before);
    expect(existsSync(`/sys/block/${swap!.area.slice(5)}`)).toBe(false);
    expect(existsSync(state)).toBe(false);
    expect(driver("down").out).toContain("nothing is set up");
  }, 30_000);

  test("file: private, never over one that exists, and gone afterwards", () => {
    const path = join(home, "area");
    writeFileSync(path, "mine");
    expect(driver("up", "--device", "file", "--size", "16MiB", "--path", path)).toMatchObject({
      code: 2,
      err: expect.stringContaining("FILE_EXISTS"),
    });
    expect(readFileSync(path, "utf8")).toBe("mine");
    rmSync(path);
    const up = driver("up", "--device", "file", "--size", "16MiB", "--path", path);
    if (up.err.includes("SWAPON")) {
      console.log("not verified here: the temporary folder's file system takes no swap file");
      expect(existsSync(path)).toBe(false); // what was done is undone
      return;
    }
    expect(up.code).toBe(0);
    expect(statSync(path)).toMatchObject({ size: 2 ** 24, mode: 0o100600 });
    expect(ours().map(({ area }) => area)).toEqual([path]);
    expect(driver("down").code).toBe(0);
    expect(existsSync(path)).toBe(false);
    expect(activeSwaps()).toEqual(before);
  }, 30_000);

  test("what was left half done is undone first; after a restart only files are", () => {
    expect(driver("up", "--device", "zram", "--size", "16MiB").code).toBe(0);
    const left = JSON.parse(readFileSync(state, "utf8"));
    writeFileSync(state, JSON.stringify({ ...left, complete: false, area: null }));
    const again = driver("up", "--device", "zram", "--size", "16MiB");
    expect(again.out).toMatch(/zram\d+ removed[\s\S]*swap on/);
    expect(ours()).toHaveLength(1);
    expect(driver("down").code).toBe(0);

    const file = join(home, "of-before");
    writeFileSync(file, "");
    const undo = [
      { kind: "remove-file", path: file },
      { kind: "zram", number: 0 },
    ];
    writeFileSync(state, JSON.stringify({ ...left, bootId: "another", undo }));
    const { out } = driver("down");
    expect(out).toContain("restarted");
    expect(out).not.toContain("zram0");
    expect(existsSync(file)).toBe(false);
    expect(activeSwaps()).toEqual(before);
  }, 30_000);

  test.each([
    [["--device", "zram", "--algorithm", "none-such"], "NO_ZRAM"],
    [["--device", "file", "--size", "900TiB"], "DISK_FULL"],
    [["--device", "fastswap"], "BAD_OPTION"],
    [["--device", "fastswap", "--address", "10.0.0.2:50000", "--modules", "/nowhere"], "NO_FASTSWAP"],
    [["--device", "nvmeof", "--address", "10.0.0.2:4420"], "BAD_OPTION"],
    [["--device", "tape"], "BAD_OPTION"],
    [["--size", "much"], "BAD_SIZE"],
    [["--plane", "uffd"], "BAD_OPTION"],
    [["--plane", "uffd", "--server", "127.0.0.1:1"], "NO_MEMORY_SERVER"],
  ])("%p is refused with one line and the fix, and leaves nothing", (args, code) => {
    const { err, code: exit } = driver("up", ...args);
    expect(exit).not.toBe(0);
    expect(err).toMatch(new RegExp(`^faasmem: .*\\[${code}\\]\\n {2}fix: .+\\n$`));
    expect(activeSwaps()).toEqual(before);
    expect(existsSync(state)).toBe(false);
  });

  test("a kernel without NVMe over Fabrics is told apart from a wrong address", () => {
    const { err } = driver("up", "--device", "nvmeof", "--address", "127.0.0.1:1", "--nqn", "nqn.x:y");
    expect(err).toContain(existsSync("/dev/nvme-fabrics") ? "NVME_CONNECT" : "NO_NVMEOF");
    expect(existsSync(state)).toBe(false);
  });
});

test("a memory server is checked", async () => {
  const library = await Bun.file(assets.library).bytes();
  const server = openServer({ host: "127.0.0.1", port: 0, capacityBytes: 2 ** 24, library });
  const { code, out } = driver("up", "--plane", "uffd", "--server", `127.0.0.1:${server.port}`);
  server.close();
  expect(code).toBe(0);
  expect(out).toContain("answers");
});

test.skipIf(!able)("only root may change swap settings", () => {
  const folder = mkdtempSync(join(tmpdir(), "faasmem-nobody-"));
  const binary = join(folder, "faasmem");
  try {
    copyFileSync(new URL("../dist/faasmem", import.meta.url).pathname, binary);
    chmodSync(binary, 0o755);
    chownSync(folder, 65534, 65534);
    const tried = Bun.spawnSync(["setpriv", "--reuid=65534", "--clear-groups", binary, "driver", "up"], {
      cwd: folder,
      env: { PATH: process.env.PATH!, HOME: folder, FAASMEM_HOME: folder },
    });
    expect(tried.stderr.toString()).toContain("NOT_PERMITTED");
    expect(tried.exitCode).toBe(1);
    expect(activeSwaps()).toEqual(before);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
