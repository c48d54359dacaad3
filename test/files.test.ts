import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startEngine } from "./engine.ts";
import { LineProgram } from "./line-program.ts";

const { server, engine } = await startEngine();
// Beside the built library: /tmp may be a tmpfs, whose pages have no other place.
const folder = mkdtempSync(join(import.meta.dir, "..", "build", "files-"));
afterAll(() => {
  engine.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const PAGES = 2048;
/** Maps a file for reading, changes a page of its own in a mapping that it protects then, and sums everything up when told. */
const program = `
import ctypes, mmap, sys, zlib
file = open(sys.argv[1], 'rb')
pages = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
own = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
own[4096:4100] = b'mine'
address = ctypes.addressof(ctypes.c_char.from_buffer(own))
assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), len(own), 1) == 0
for line in sys.stdin:
    print(zlib.crc32(pages), zlib.crc32(own), flush=True)
`;
const fileBytes = (pid: number): number =>
  Number(/^RssFile:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;

test("pages of a file that only this process has go, and read the same again; what it changed stays", async () => {
  const path = join(folder, "data");
  writeFileSync(
    path,
    crypto
      .getRandomValues(new Uint8Array(65_536))
      .toHex()
      .repeat((PAGES * 4096) / 131_072),
  );
  Bun.spawnSync(["sync", path]); // dirty pages of the cache cannot be dropped
  const attachment = engine.prepare();
  const child = new LineProgram(["python3", "-c", program, path], attachment);
  const space = await attachment.attach(child.pid);
  const sums = await child.ask("sum");
  const before = fileBytes(child.pid);
  expect(before).toBeGreaterThan(PAGES * 4096);
  const released = await space.releaseFiles();
  expect(released).toBeGreaterThan(PAGES * 0.9);
  expect(fileBytes(child.pid)).toBeLessThan(before - PAGES * 4096 * 0.9);
  expect(await child.ask("sum")).toBe(sums);
  await child.stop();
  expect(await space.releaseFiles()).toBe(0);
}, 20_000);

/**
 * Changes a page of its own executable, as debuggers and tracers do, in a mapping that it protects again, and says what is there and how
 * much is mapped of the page after it, when told.
 */
const patched = `
import { dlopen, toArrayBuffer } from "bun:ffi";
import { readFileSync } from "node:fs";
const maps = readFileSync("/proc/self/maps", "utf8").split("\\n");
const line = maps.find((line) => line.includes(" r--p ") && line.endsWith(process.execPath));
const last = Number.parseInt(line.split(/[ -]/)[1], 16) - 8192;
const { symbols } = dlopen("libc.so.6", { mprotect: { args: ["u64", "u64", "i32"], returns: "i32" } });
const pages = new Uint8Array(toArrayBuffer(last, 0, 8192));
if (symbols.mprotect(last, 4096, 3) !== 0) throw new Error("mprotect");
pages[7] = pages[7] ^ 255;
if (symbols.mprotect(last, 4096, 1) !== 0) throw new Error("mprotect");
for await (const line of console) console.log(Bun.hash(pages), pages[7]);
`;

test("an executable that the engine runs, too, leaves a process's page table; what it changed stays", async () => {
  const attachment = engine.prepare();
  const child = new LineProgram([process.execPath, "-e", patched], attachment);
  const space = await attachment.attach(child.pid);
  const said = await child.ask("say");
  const before = fileBytes(child.pid);
  expect(await space.releaseFiles()).toBeGreaterThan(1000);
  while (fileBytes(child.pid) > before / 2) await Bun.sleep(5); // soon, by its agent
  expect(await child.ask("say")).toBe(said);
  await child.stop();
}, 20_000);

test("what requests used of the executable before it was given back can be touched again ahead of the next one", async () => {
  const attachment = engine.prepare();
  const child = new LineProgram([process.execPath, "-e", patched], attachment);
  const space = await attachment.attach(child.pid);
  const release = async () => {
    const before = fileBytes(child.pid);
    await space.releaseFiles();
    for (let bytes = before; bytes > before / 2 || bytes !== fileBytes(child.pid); ) {
      bytes = fileBytes(child.pid);
      await Bun.sleep(50);
    }
  };
  const said = await child.ask("say");
  await release(); // what the start wanted
  const none = fileBytes(child.pid);
  space.warm(space.empty(), space.empty());
  await Bun.sleep(200);
  expect(fileBytes(child.pid)).toBe(none);
  expect(await child.ask("say")).toBe(said);
  const used = fileBytes(child.pid);
  await release();
  space.warm(space.empty(), space.empty());
  for (let i = 0; i < 200 && fileBytes(child.pid) < used * 0.9; i++) await Bun.sleep(20);
  expect(fileBytes(child.pid)).toBeGreaterThan(used * 0.9);
  expect(await child.ask("say")).toBe(said);
  await child.stop();
}, 20_000);

/** Runs code all over its executable and reads its constants, and says what came of it, when told. */
const busy = `
import { readFileSync } from "node:fs";
import { toArrayBuffer } from "bun:ffi";
const maps = readFileSync("/proc/self/maps", "utf8").split("\\n");
const line = maps.find((line) => line.includes(" r--p ") && line.endsWith(process.execPath));
const [start, end] = line.split(/[ -]/).map((text) => Number.parseInt(text, 16));
const constants = new Uint8Array(toArrayBuffer(start, 0, end - start));
for await (const line of console) {
  const packed = Bun.gzipSync(new TextEncoder().encode(JSON.stringify(Array.from({ length: 2000 }, (_, i) => ({ i, text: String(i) })))));
  console.log(Bun.hash(constants), Bun.hash(Bun.gunzipSync(packed)), new Intl.NumberFormat("de").format(1234.5));
}
`;

test("an executable that leaves the page table again and again while it runs reads the same", async () => {
  const attachment = engine.prepare();
  const child = new LineProgram([process.execPath, "-e", busy], attachment);
  const space = await attachment.attach(child.pid);
  const said = await child.ask("say");
  let releases = 0;
  let over = false;
  const releasing = (async () => {
    for (; !over; releases++) await space.releaseFiles();
  })();
  for (let i = 0; i < 100; i++) expect(await child.ask("say")).toBe(said);
  over = true;
  await releasing;
  expect(releases).toBeGreaterThan(20);
  await child.stop();
}, 60_000);
