import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const main = new URL("../src/main.ts", import.meta.url).pathname;

/** A small zram swap, set up by `faasmem driver` and undone by it; null, with a message, where that is not possible. */
export function zramSwap(size: string): { home: string; down(): void } | null {
  if (process.geteuid!() !== 0 || !existsSync("/sys/class/zram-control")) {
    console.log("not verified here: this needs root and zram");
    return null;
  }
  const home = mkdtempSync(join(tmpdir(), "faasmem-swap-"));
  const driver = (...args: string[]) => {
    const done = Bun.spawnSync([process.execPath, main, "driver", ...args], {
      env: { ...process.env, FAASMEM_HOME: home },
    });
    if (done.exitCode !== 0) throw new Error(`driver ${args[0]}: ${done.stderr}`);
  };
  const down = () => {
    driver("down");
    rmSync(home, { recursive: true, force: true });
  };
  try {
    driver("up", "--plane", "swap", "--device", "zram", "--size", size);
  } catch (error) {
    down();
    throw error;
  }
  return { home, down };
}
