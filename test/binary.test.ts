/** The compiled binary as a user has it: copied alone to an empty folder. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { descendants, isRunning } from "./process.ts";

const folder = mkdtempSync(join(tmpdir(), "faasmem-binary-"));
const binary = join(folder, "faasmem");
const home = join(folder, "home");
const environment = { PATH: "/usr/bin:/bin", HOME: folder, FAASMEM_HOME: home, TMPDIR: folder };

beforeAll(() => {
  copyFileSync(new URL("../dist/faasmem", import.meta.url).pathname, binary);
  Bun.spawnSync(["chmod", "755", binary]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(args: string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  const done = Bun.spawnSync([binary, ...args], {
    cwd: options.cwd ?? folder,
    env: { ...environment, ...options.env },
  });
  return { code: done.exitCode, out: done.stdout.toString(), err: done.stderr.toString() };
}

/** Starts a command that goes on, and waits for a line of its standard output or error. */
async function start(args: string[], until: RegExp) {
  const child = Bun.spawn([binary, ...args], {
    cwd: folder,
    env: environment,
    stdout: "pipe",
    stderr: "pipe",
  });
  let text = "";
  const seen = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr]) {
    (async () => {
      for await (const chunk of stream) {
        text += new TextDecoder().decode(chunk);
        if (until.test(text)) seen.resolve();
      }
    })();
  }
  child.exited.then(() => seen.reject(new Error(`ended early: ${text}`)));
  await seen.promise;
  return { child, text: () => text };
}

async function gone(pids: number[]): Promise<number[]> {
  for (let i = 0; i < 100 && pids.some(isRunning); i++) await Bun.sleep(50);
  return pids.filter(isRunning);
}

const leftovers = () =>
  readdirSync(folder).filter((name) => name.startsWith("faasmem-") || name.endsWith(".so"));

test("--version prints version, commit and target", () => {
  const { code, out } = run(["--version"]);
  expect(code).toBe(0);
  expect(out).toMatch(/^faasmem \d+\.\d+\.\d+ \([0-9a-z-]+, linux-(x64|arm64)\)\n$/);
});

test("settings of the current folder are not read", () => {
  const hostile = join(folder, "hostile");
  mkdirSync(hostile);
  writeFileSync(join(hostile, "evil.ts"), 'require("node:fs").writeFileSync("ran", "");');
  writeFileSync(join(hostile, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
  writeFileSync(join(hostile, ".env"), "FAASMEM_HOME=/proc/none\n");
  const { code } = run(["trace", "list"], { cwd: hostile });
  expect(code).toBe(0);
  expect(existsSync(join(hostile, "ran"))).toBe(false);
});

test.each([
  [["experiment", "run", "fast"], "UNKNOWN_EXPERIMENT"],
  [["experiment", "run", "quick", "--function", "webb"], "UNKNOWN_FUNCTION"],
  [["experiment", "run", "quick", "--system", "swap"], "UNKNOWN_SYSTEM"],
  [["experiment", "run", "quick", "--trace", "absent"], "UNKNOWN_TRACE"],
  [["experiment", "run", "quick", "--start-index", "100000"], "UNKNOWN_WINDOW"],
  [["experiment", "run", "quick", "--time-scale", "0"], "BAD_OPTION"],
  [["experiment", "run", "quick", "--tracker", "auto"], "BAD_OPTION"],
  [["experiment", "run", "benchmarks", "--tracker", "refault"], "BAD_OPTION"],
  [["experiment", "run", "validate", "--mode", "simulate"], "BAD_OPTION"],
  [["experiment", "show", "99"], "UNKNOWN_RUN"],
  [["up", "--function", "nope"], "UNKNOWN_FUNCTION"],
  [["up", "--host", "0.0.0.0"], "NOT_LOOPBACK"],
  [["up", "--port", "x"], "BAD_OPTION"],
  [["server", "--host", "192.0.2.1"], "NOT_LOOPBACK"],
  [["server", "--capacity", "much"], "BAD_SIZE"],
  [["trace", "import", "absent.csv"], "NO_SUCH_FILE"],
  [["doctor", "--replay", "absent.json"], "NO_SUCH_FILE"],
  [["setup", "host", "--thp", "sometimes"], "BAD_OPTION"],
  [["setup", "host", "--check", "--undo"], "BAD_OPTION"],
  [["setup", "host", "--swappiness", "201"], "BAD_OPTION"],
  [["setup", "swapfile", "--size", "4KiB"], "BAD_SIZE"],
  [["setup", "rdma", "--address", "10.0.0.1"], "BAD_OPTION"],
  [["setup", "rdma", "--netdev", "a b"], "BAD_OPTION"],
  [["setup", "kernel", "--jobs", "0"], "BAD_OPTION"],
  [["nonsense"], "unknown command"],
  [["up", "--nonsense"], "unknown option"],
])("%p is a usage error: exit code 2, one line and the fix", (args, expected) => {
  const { code, err, out } = run(args);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toContain(expected);
  if (expected === expected.toUpperCase()) expect(err).toMatch(/^faasmem: .*\n {2}fix: .+\n$/);
});

test("every command has help with examples", () => {
  for (const args of [
    ["up"],
    ["server"],
    ["trace", "import"],
    ["experiment", "run"],
    ["function", "invoke"],
    ["doctor"],
    ...["host", "swapfile", "rdma", "kernel"].map((name) => ["setup", name]),
  ]) {
    const { code, out } = run([...args, "--help"]);
    expect(code).toBe(0);
    expect(out).toContain("Examples:");
  }
});

test("a trace is imported once, malformed rows are named, and it can be listed and removed", () => {
  const file = join(folder, "small.csv");
  const rows = Array.from({ length: 6 }, (_, i) => `app,func,${i * 5 + 1},0.5`);
  writeFileSync(file, `app,func,end_timestamp,duration\n${rows.join("\n")}\napp,func,bad,1\n`);
  const imported = run(["trace", "import", file, "--json"]);
  expect(JSON.parse(imported.out)).toMatchObject({
    name: "small",
    rows: 6,
    skipped: 1,
    badRows: [{ line: 8 }],
  });
  expect(run(["trace", "import", file])).toMatchObject({
    code: 2,
    err: expect.stringContaining("TRACE_EXISTS"),
  });
  expect(run(["trace", "import", file, "--replace", "--strict"])).toMatchObject({
    code: 1,
    err: expect.stringContaining(":8:"),
  });
  expect(run(["trace", "import", file, "--name", "quick"])).toMatchObject({
    code: 2,
    err: expect.stringContaining("RESERVED_NAME"),
  });
  expect(
    JSON.parse(run(["trace", "list", "--json"]).out).map((trace: { name: string }) => trace.name),
  ).toEqual(["quick", "small"]);
});

test("an imported trace is replayed under both systems, with equal answers", () => {
  const { code, out, err } = run([
    ...["experiment", "run", "quick", "--trace", "small", "--window", "30", "--time-scale", "5"],
    ...["--function", "web", "--init-window", "1", "--json"],
  ]);
  expect(err).not.toContain("problem");
  expect(code).toBe(0);
  const { cells } = JSON.parse(out);
  expect(cells).toHaveLength(2);
  for (const cell of cells) {
    expect(cell).toMatchObject({ function: "web", requests: 6, errors: 0 });
    expect(cell.avgLocalBytes).toBeGreaterThan(10 * 1024 ** 2);
    for (const key of ["system", "p50Ms", "p95Ms", "avgRemoteBytes", "coldStarts", "semiWarmStarts"])
      expect(cell).toHaveProperty(key);
  }
  expect(cells[0].avgRemoteBytes).toBe(0);
  expect(cells[1].avgRemoteBytes).toBeGreaterThan(1024 ** 2);
  expect(readFileSync(join(folder, "faasmem-quick.svg"), "utf8")).toEndWith("</svg>\n");
  const shown = run(["experiment", "show", "--json"]);
  expect(JSON.parse(shown.out).cells).toEqual(cells);
  expect(run(["experiment", "list"]).out).toContain("done");
  expect(leftovers()).toEqual(["faasmem-quick.svg"]);
}, 90_000);

test("Ctrl-C in an experiment leaves nothing running, and says so", async () => {
  const { child, text } = await start(
    ["experiment", "run", "quick", "--function", "json", "--time-scale", "60"],
    /json under baseline: done/,
  );
  await Bun.sleep(2000);
  const all = descendants(child.pid);
  expect(all.length).toBeGreaterThan(0);
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  expect(text()).toContain("interrupted");
  expect(await gone(all)).toEqual([]);
  expect(run(["experiment", "list"]).out).toContain("interrupted");
}, 60_000);

test("Ctrl-C in a profile leaves nothing running, and says so", async () => {
  const before = leftovers();
  const child = Bun.spawn([binary, "function", "profile", "float"], {
    ...{ cwd: folder, env: environment, stdout: "ignore", stderr: "pipe" },
  });
  let all: number[] = [];
  for (let i = 0; i < 200 && all.length < 5; i++) {
    await Bun.sleep(50); // until the memory server and four sandboxes run
    all = descendants(child.pid);
  }
  expect(all.length).toBeGreaterThanOrEqual(5);
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  expect(await new Response(child.stderr).text()).toContain("interrupted");
  expect(await gone(all)).toEqual([]);
  expect(leftovers()).toEqual(before);
}, 60_000);

test("kill -9 of an experiment takes everything that it started with it", async () => {
  const { child } = await start(
    ["experiment", "run", "quick", "--function", "json", "--time-scale", "60"],
    /baseline: done/,
  );
  await Bun.sleep(2500);
  const all = descendants(child.pid);
  expect(all.length).toBeGreaterThanOrEqual(2);
  child.kill("SIGKILL");
  await child.exited;
  expect(await gone(all)).toEqual([]);
}, 60_000);

test("a node answers, survives the loss of its memory server, and stops cleanly", async () => {
  const { child, text } = await start(
    ["up", "--port", "0", "--function", "web,json", "--window", "1", "--time-scale", "10"],
    /Ctrl-C/,
  );
  const gateway = /http:\S+/.exec(text())![0];
  const invoke = (name: string, data: string) => {
    const done = run(["function", "invoke", name, "--data", data, "--gateway", gateway, "--json"]);
    expect(done.err).toBe("");
    return JSON.parse(done.out);
  };
  const first = invoke("web", '{"id":3}');
  expect(first.start).toBe("cold");
  // Its pages leave: the Puckets after the first request, all others by and by.
  let remote = 0;
  for (let i = 0; i < 100 && remote < 16 * 1024 ** 2; i++) {
    await Bun.sleep(100);
    const stats = (await (await fetch(`${gateway}/stats`)).json()) as {
      functions: { remoteBytes: number }[];
    };
    remote = stats.functions[0]!.remoteBytes;
  }
  expect(remote).toBeGreaterThan(16 * 1024 ** 2);
  const warm = invoke("web", '{"id":3}');
  expect(warm.result).toEqual(first.result);
  expect(warm.start).not.toBe("cold");
  // Among the pages of the site that no request has read yet, some are far away.
  let recalled = 0;
  for (let id = 10; id < 50 && recalled === 0; id++) {
    recalled = invoke("web", `{"id":${id}}`).recalledPages;
    await Bun.sleep(50);
  }
  expect(recalled).toBeGreaterThan(0);

  const port = /memory server {2}127\.0\.0\.1:(\d+)/.exec(text())![1];
  const server = descendants(child.pid).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0server\0"),
  )!;
  expect(port).toBeDefined();
  process.kill(server, "SIGKILL");
  const after = invoke("web", '{"id":3}');
  expect(after.result).toEqual(first.result);
  expect(invoke("json", "{}").result).toEqual(invoke("json", "{}").result);
  for (let i = 0; i < 100 && !text().includes("is gone"); i++) await Bun.sleep(50);
  expect(text()).toContain("the memory server is gone");

  expect(run(["function", "invoke", "webb", "--gateway", gateway])).toMatchObject({
    code: 2,
    err: expect.stringContaining("UNKNOWN_FUNCTION"),
  });
  expect(run(["up", "--port", new URL(gateway).port, "--system", "baseline"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("PORT_IN_USE"),
  });

  const all = descendants(child.pid);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  expect(await gone(all)).toEqual([]);
  expect(leftovers()).toEqual(["faasmem-quick.svg"]);
}, 90_000);

test("kill -9 of a node takes sandboxes and memory server with it", async () => {
  const { child, text } = await start(["up", "--port", "0", "--function", "json", "--window", "1"], /Ctrl-C/);
  const gateway = /http:\S+/.exec(text())![0];
  run(["function", "invoke", "json", "--gateway", gateway]);
  const all = descendants(child.pid);
  expect(all.length).toBeGreaterThanOrEqual(2);
  child.kill("SIGKILL");
  await child.exited;
  expect(await gone(all)).toEqual([]);
}, 30_000);

test("a server runs alone and stops on SIGTERM; its port cannot be taken twice", async () => {
  const { child, text } = await start(["server", "--port", "0", "--capacity", "64MiB"], /Ctrl-C/);
  const port = /127\.0\.0\.1:(\d+)/.exec(text())![1]!;
  expect(run(["server", "--port", port])).toMatchObject({
    code: 1,
    err: expect.stringContaining("PORT_IN_USE"),
  });
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

test("without root, a system that moves pages says what it needs", () => {
  const open = join(folder, "open");
  mkdirSync(open);
  Bun.spawnSync(["chmod", "777", open, folder]);
  const done = Bun.spawnSync(["setpriv", "--reuid", "65534", "--clear-groups", binary, "up", "--port", "0"], {
    cwd: open,
    env: { ...environment, HOME: open, FAASMEM_HOME: open, TMPDIR: open },
  });
  expect(done.exitCode).toBe(1);
  expect(done.stderr.toString()).toMatch(/NO_USERFAULTFD[\s\S]*fix: run as root/);
});

test("a full disk is one clear line", () => {
  const small = join(folder, "small-disk");
  mkdirSync(small);
  if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small]).exitCode !== 0) {
    console.warn("not verified: this machine does not allow a mount");
    return;
  }
  try {
    const { code, err } = run(["trace", "list"], { env: { FAASMEM_HOME: small } });
    expect(code).toBe(1);
    expect(err).toMatch(/^faasmem: .*(DISK_FULL|NO_DATABASE)[\s\S]*fix: /);
  } finally {
    Bun.spawnSync(["umount", small]);
  }
});
