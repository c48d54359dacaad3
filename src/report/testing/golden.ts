import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dir, "golden");

/** Compares with the stored file of this name. `GOLDEN=write` stores what there is now: look at it before you commit. */
export function expectGolden(name: string, content: string): void {
  const path = join(FOLDER, name);
  if (process.env.GOLDEN === "write") {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(path, content);
  }
  expect({ name, there: existsSync(path) }).toEqual({ name, there: true });
  expect(content).toBe(readFileSync(path, "utf8"));
}
