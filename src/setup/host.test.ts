import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FakeMachine, fakeMachine } from "./fake-machine.ts";
import { type HostOptions, hostSteps } from "./host.ts";
import { thisMachine } from "./machine.ts";
import { applySteps, assertPossible, assertRoot, checkSteps, undoAll } from "./run.ts";
import { SetupState } from "./state.ts";

const THP = "/sys/kernel/mm/transparent_hugepage/enabled";
const NUMA = "/proc/sys/kernel/numa_balancing";
const SWAPPINESS = "/proc/sys/vm/swappiness";
const LRU = "/sys/kernel/mm/lru_gen/enabled";
const LIMITS = "/etc/security/limits.d/90-faasmem.conf";
const options: HostOptions = { thp: "madvise", swappiness: 100, files: 65536, mglru: false, persist: false };
const quiet = { begin: () => {}, end: () => {} };

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

function server(files: Record<string, string> = {}): FakeMachine {
  const machine = fakeMachine(
    {
      [THP]: "[always] madvise never\n",
      [NUMA]: "1\n",
      [SWAPPINESS]: "60\n",
      "/proc/sys/vm/max_map_count": "1048576\n",
      "/proc/sys/fs/nr_open": "1048576\n",
      "/proc/self/limits": "Max open files            1024                 524288               files\n",
      "/etc/security/limits.d/other.conf": "",
      ...files,
    },
    { mount: () => 0 },
  );
  cleanups.push(() => machine.dispose());
  return machine;
}

function state(): SetupState {
  const folder = mkdtempSync(join(tmpdir(), "faasmem-state-"));
  const opened = new SetupState("host", folder);
  cleanups.push(() => {
    opened.close();
    rmSync(folder, { recursive: true });
  });
  return opened;
}

async function undo(machine: FakeMachine, kept: SetupState): Promise<string[]> {
  const results: string[] = [];
  await undoAll(machine, kept, (one) => results.push(one.result));
  return results;
}

test("values are set, written down with what they were, and put back exactly", async () => {
  const machine = server();
  const kept = state();
  await applySteps(hostSteps(machine, options), kept, quiet);
  expect([THP, NUMA, SWAPPINESS].map((path) => machine.read(path))).toEqual(["madvise", "0", "100"]);
  expect(machine.read(LIMITS)).toContain("* soft nofile 65536\nroot soft nofile 65536");
  // The file of this fake kernel shows what was written; the real one brackets it: see the test below.
  machine.put(THP, "always [madvise] never\n");
  const written = JSON.parse(readFileSync(kept.path, "utf8")) as {
    changes: { change: { before: string } }[];
  };
  expect(written.changes.map((one) => one.change.before)).toEqual(["always", "1", "60", null] as string[]);
  await undo(machine, kept);
  expect([THP, NUMA, SWAPPINESS, LIMITS].map((path) => machine.read(path))).toEqual([
    "always",
    "1",
    "60",
    null,
  ]);
  expect(kept.changes).toEqual([]);
  expect(readdirSync(join(kept.path, "..")).filter((name) => name.endsWith(".json"))).toEqual([]);
});

test("a second run finds everything so, and changes nothing", async () => {
  const machine = server();
  const kept = state();
  await applySteps(hostSteps(machine, options), kept, quiet);
  machine.put(THP, "always [madvise] never\n");
  const before = structuredClone(kept.changes);
  const begun: string[] = [];
  await applySteps(hostSteps(machine, options), kept, { ...quiet, begin: (step) => begun.push(step.id) });
  expect(begun).toEqual([]);
  expect(kept.changes).toEqual(before);
  expect((await checkSteps(hostSteps(machine, options))).every((one) => one.state === "done")).toBe(true);
});

test("another value later keeps the first one's way back", async () => {
  const machine = server();
  const kept = state();
  await applySteps(hostSteps(machine, { ...options, swappiness: 10 }), kept, quiet);
  machine.put(THP, "always [madvise] never\n");
  await applySteps(hostSteps(machine, { ...options, swappiness: 150 }), kept, quiet);
  expect(machine.read(SWAPPINESS)).toBe("150");
  await undo(machine, kept);
  expect(machine.read(SWAPPINESS)).toBe("60");
});

test("what somebody else has changed since is left alone", async () => {
  const machine = server();
  const kept = state();
  await applySteps(hostSteps(machine, { ...options, persist: true }), kept, quiet);
  machine.put(SWAPPINESS, "1\n");
  machine.put(LIMITS, "* soft nofile 7\n");
  const results = await undo(machine, kept);
  expect(machine.read(SWAPPINESS)).toBe("1");
  expect(machine.read(LIMITS)).toBe("* soft nofile 7");
  expect(results.filter((line) => line.includes("somebody"))).toHaveLength(2);
  expect(machine.exists("/etc/sysctl.d/90-faasmem.conf")).toBe(false);
});

test("--persist writes what the next boot reads, and lowers nothing", async () => {
  const machine = server({ [LRU]: "0x0000\n" });
  const kept = state();
  // The fake lru_gen shows what was written.
  await applySteps(hostSteps(machine, { ...options, mglru: true, persist: true }), kept, quiet).catch(
    () => {},
  );
  machine.put("/sys/kernel/debug/lru_gen", "");
  machine.put(THP, "always [madvise] never\n");
  await applySteps(hostSteps(machine, { ...options, mglru: true, persist: true }), kept, quiet);
  expect(machine.read("/etc/sysctl.d/90-faasmem.conf")?.split("\n").slice(1)).toEqual([
    "kernel.numa_balancing = 0",
    "vm.swappiness = 100",
    "vm.max_map_count = 1048576",
  ]);
  expect(machine.read("/etc/tmpfiles.d/faasmem.conf")?.split("\n").slice(1)).toEqual([
    `w ${THP} - - - - madvise`,
    `w ${LRU} - - - - 7`,
  ]);
  expect(machine.ran).toEqual(["mount -t debugfs none /sys/kernel/debug"]);
});

test("a kernel without these switches, and a system without limits.d, need nothing", async () => {
  const machine = fakeMachine({ "/proc/self/limits": "Max open files  1024  4096  files\n" });
  cleanups.push(() => machine.dispose());
  const status = await checkSteps(hostSteps(machine, { ...options, mglru: true, persist: true }));
  expect(status.map((one) => one.state)).toEqual(status.map(() => "done"));
});

test("a value that does not stay is an error, and can still be undone", async () => {
  const machine = server();
  const kept = state();
  const write = machine.write;
  machine.write = (path, text) => (path === NUMA ? undefined : write(path, text));
  await expect(applySteps(hostSteps(machine, options), kept, quiet)).rejects.toMatchObject({
    code: "NO_EFFECT",
  });
  machine.put(THP, "always [madvise] never\n");
  machine.write = write;
  await undo(machine, kept);
  expect(machine.read(THP)).toBe("always");
});

test("a signal stops before the next step", async () => {
  const machine = server();
  const kept = state();
  let steps = 0;
  const stopped = applySteps(hostSteps(machine, options), kept, quiet, () => steps++ >= 1);
  await expect(stopped).rejects.toMatchObject({ code: "STOPPED", kind: "stopped" });
  expect(machine.read(THP)).toBe("madvise");
  expect(machine.read(NUMA)).toBe("1");
});

test("who is not root may look, and is told what to do", async () => {
  const machine = { ...server(), uid: 1000 };
  expect((await checkSteps(hostSteps(machine, options))).length).toBeGreaterThan(3);
  expect(() => assertRoot(machine, "faasmem setup host")).toThrow("only root");
});

test("a setup runs once at a time, a killed one's lock does not count, and a broken state is not guessed at", () => {
  const kept = state();
  const folder = join(kept.path, "..");
  expect(() => new SetupState("host", folder)).toThrow("is running already");
  kept.close();
  writeFileSync(join(folder, "host.lock"), `${process.pid} 1`); // the number was used again
  new SetupState("host", folder).close();
  writeFileSync(kept.path, '{"schema": 1, "changes": [{}]}');
  expect(() => new SetupState("host", folder)).toThrow("cannot be understood");
  expect(readdirSync(folder)).toEqual(["host.json"]);
});

test("a step that cannot be done stops everything before anything is changed", async () => {
  const status = await checkSteps([
    {
      id: "a",
      title: "a",
      would: "",
      check: async () => ({ state: "todo", now: "no" }),
      apply: async () => {},
    },
    {
      ...{ id: "b", title: "b", would: "", apply: async () => {} },
      check: async () => ({ state: "blocked", now: "never here", fix: "another machine" }),
    },
  ]);
  expect(() => assertPossible(status)).toThrow("b: never here; nothing was changed");
});

test("this machine's huge pages are switched and put back", async () => {
  const machine = thisMachine();
  const before = machine.read(THP);
  if (before === null || machine.uid !== 0 || !machine.writable(THP)) {
    console.log("not verified here: huge pages cannot be switched");
    return;
  }
  const kept = state();
  const wanted = before.includes("[never]") ? "madvise" : "never";
  const step = hostSteps(machine, { ...options, thp: wanted }).filter((one) => one.id === "thp");
  try {
    await applySteps(step, kept, quiet);
    expect(machine.read(THP)).toContain(`[${wanted}]`);
  } finally {
    await undoAll(machine, kept, () => {});
  }
  expect(machine.read(THP)).toBe(before);
});
