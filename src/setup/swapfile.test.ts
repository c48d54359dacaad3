import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeMachine } from "./fake-machine.ts";
import { thisMachine } from "./machine.ts";
import { applySteps, checkSteps, undoAll } from "./run.ts";
import { knownChanges, SetupState } from "./state.ts";
import { filesystemOf, swapfileSteps } from "./swapfile.ts";
import { swapsOn } from "./swaps.ts";

const MIB = 1024 ** 2;
const quiet = { begin: () => {}, end: () => {} };
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0).toReversed()) clean();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "faasmem-swap-"));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function state(where: string): SetupState {
  const opened = new SetupState("swapfile", join(where, "state"));
  cleanups.push(() => opened.close());
  return opened;
}

const onlySuperuser = thisMachine().uid === 0;

test("a swap file is made, found again, and taken away, for real", async () => {
  if (!onlySuperuser) return console.log("not verified here: not root");
  const where = folder();
  const path = join(where, "swap file"); // the kernel shows the blank as \040
  const machine = thisMachine();
  const kept = state(where);
  const steps = swapfileSteps(machine, { path, bytes: 64 * MIB, priority: 5 });
  try {
    await applySteps(steps, kept, quiet);
    expect(swapsOn(machine)).toContainEqual({ path, bytes: 64 * MIB - 4096 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(64 * MIB); // no holes
    expect((await checkSteps(steps)).map((one) => one.state)).toEqual(["done", "done", "done"]);
    // After a boot only the last step is left.
    expect((await machine.run(["swapoff", path])).code).toBe(0);
    const begun: string[] = [];
    await applySteps(steps, kept, { ...quiet, begin: (step) => begun.push(step.id) });
    expect(begun).toEqual(["on"]);
    const [other] = await checkSteps(swapfileSteps(machine, { path, bytes: 32 * MIB, priority: null }));
    expect(other).toMatchObject({
      state: "blocked",
      now: expect.stringContaining("64.0 MiB, not of 32.0 MiB"),
    });
  } finally {
    await undoAll(machine, kept, () => {});
  }
  expect(swapsOn(machine).some((one) => one.path === path)).toBe(false);
  expect(existsSync(path)).toBe(false);
}, 30_000);

test("a file that is something else is refused and stays as it is", async () => {
  const where = folder();
  const machine = thisMachine();
  const path = join(where, "letters");
  writeFileSync(path, "dear all");
  const check = async (at: string) =>
    (await checkSteps(swapfileSteps(machine, { path: at, bytes: MIB, priority: null })))[0];
  expect(await check(path)).toMatchObject({
    state: "blocked",
    now: expect.stringContaining("something else"),
  });
  mkdirSync(join(where, "folder"));
  expect(await check(join(where, "folder"))).toMatchObject({ state: "blocked" });
  expect(readFileSync(path, "utf8")).toBe("dear all");
});

test("a disk without room, and a filesystem that cannot swap, are refused with the way out", async () => {
  const machine = thisMachine();
  const check = async (path: string, bytes: number) =>
    (await checkSteps(swapfileSteps(machine, { path, bytes, priority: null })))[0];
  expect(await check(join(folder(), "swap"), 2 ** 50)).toMatchObject({
    state: "blocked",
    now: expect.stringContaining("MiB free"),
    fix: expect.stringContaining("--size"),
  });
  expect(await check("/dev/shm/swap", MIB)).toMatchObject({
    state: "blocked",
    now: expect.stringContaining("tmpfs"),
  });
});

test("a file that a killed run left half-made is made again; a full disk leaves none", async () => {
  const room = (words: string[]) => {
    writeFileSync(join(machine.root, words[3]!), "\0".repeat(MIB));
    return 0;
  };
  let allocate: (words: string[]) => number | { code: number; err: string } = () => ({
    code: 1,
    err: "fallocate failed: No space left on device",
  });
  const machine = fakeMachine(
    { "/proc/swaps": "Filename\n", "/proc/self/mountinfo": "1 1 8:1 / / rw - ext4 /dev/sda rw\n" },
    { fallocate: (words) => allocate(words), mkswap: () => 0, swapon: () => 0 },
  );
  cleanups.push(() => machine.dispose());
  const where = folder();
  const kept = state(where);
  const options = { path: "/swap", bytes: MIB, priority: null };
  const [file] = swapfileSteps(machine, options);
  await expect(applySteps([file!], kept, quiet)).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(machine.exists("/swap")).toBe(false);

  allocate = () => ({ code: 1, err: "killed" });
  const remove = machine.remove;
  machine.remove = () => {}; // who was killed has removed nothing
  await applySteps([file!], kept, quiet).catch(() => {});
  machine.remove = remove;
  machine.put("/swap", "half");
  const known = knownChanges("swapfile", join(where, "state"));
  allocate = room;
  const again = swapfileSteps(machine, options, known)[0]!;
  expect(await again.check()).toMatchObject({ state: "todo", now: "left half-made" });
  await applySteps([again], kept, quiet);
  expect(machine.identify("/swap")?.size).toBe(MIB);
});

test("undo removes only the file that was made: a successor of the same name stays", async () => {
  const machine = fakeMachine({ "/proc/swaps": "Filename\n", "/swap": "mine now" });
  cleanups.push(() => machine.dispose());
  const kept = state(folder());
  kept.add("file", { kind: "swapfile", path: "/swap", dev: 1, ino: 1 });
  const results: string[] = [];
  await undoAll(machine, kept, (one) => results.push(one.result));
  expect(results[0]).toContain("left alone");
  expect(machine.read("/swap")).toBe("mine now");
});

test("swap whose contents have no room in memory is kept for the next undo", async () => {
  const swaps = "Filename Type Size Used Priority\n/swap file 1020 900 -2\n";
  const machine = fakeMachine(
    { "/proc/swaps": swaps },
    { swapoff: () => ({ code: 4, err: "swapoff: /swap: swapoff failed: Cannot allocate memory" }) },
  );
  cleanups.push(() => machine.dispose());
  const kept = state(folder());
  kept.add("on", { kind: "swap-on", path: "/swap" });
  await expect(undoAll(machine, kept, () => {})).rejects.toMatchObject({ code: "SWAP_BUSY" });
  expect(kept.changes).toHaveLength(1);
});

test("the filesystem of a path is that of the longest mount point", () => {
  const mounts = [
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
    "30 22 0:25 / /data rw - xfs /dev/b rw",
    "31 22 0:26 / /data/my\\040disk rw - btrfs /dev/c rw",
  ].join("\n");
  expect(
    ["/var", "/data", "/data/x", "/database", "/data/my disk/a"].map((path) => filesystemOf(mounts, path)),
  ).toEqual(["ext4", "xfs", "xfs", "ext4", "btrfs"]);
});
