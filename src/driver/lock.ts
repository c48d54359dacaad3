import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import { dataFolder } from "../base/paths.ts";

/** Runs `work` while no other `faasmem driver` of this FAASMEM_HOME does. @throws FaasmemError DRIVER_BUSY */
export async function withLock<T>(work: () => Promise<T>): Promise<T> {
  const path = join(dataFolder(), "driver.lock");
  take(path);
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string): void {
  for (let attempt = 0; ; attempt++) {
    try {
      const fd = openSync(path, "wx", 0o600);
      writeSync(fd, String(process.pid));
      closeSync(fd);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const holder = Number(readFileSync(path, "utf8"));
      if (attempt > 0 || isAlive(holder)) {
        throw new FaasmemError("DRIVER_BUSY", `another faasmem driver is at work (process ${holder})`, {
          fix: "wait for it to end",
        });
      }
      rmSync(path, { force: true }); // of one that was killed
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
