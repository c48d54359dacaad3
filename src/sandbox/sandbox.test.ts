import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRunning } from "../../test/process.ts";
import { runFolder } from "../base/paths.ts";
import { LineReader, MAX_LINE_BYTES } from "./protocol.ts";
import { Sandbox } from "./sandbox.ts";

const folder = runFolder();
const hostPath = join(folder, "host.js");
let number = 0;

beforeAll(async () => {
  const built = await Bun.build({
    entrypoints: [new URL("host.ts", import.meta.url).pathname],
    target: "bun",
  });
  writeFileSync(hostPath, await built.outputs[0]!.text());
});
afterAll(() => Bun.spawnSync(["rm", "-rf", folder]));

function start(source: string): Promise<Sandbox> {
  const name = `test-${++number}`;
  const modulePath = join(folder, `${name}.mjs`);
  writeFileSync(modulePath, source);
  return Sandbox.start({ name, runFolder: folder, hostPath, modulePath, attachment: null });
}

test("a handler gets the context and answers; its process uses memory", async () => {
  const sandbox = await start(
    "let n = 0; export const handler = async (context) => ({ n: ++n, ...context });",
  );
  expect(await sandbox.run({ a: 1 })).toMatchObject({ result: { n: 1, a: 1 } });
  expect(await sandbox.run({ a: 2 })).toMatchObject({ result: { n: 2, a: 2 } });
  expect(await sandbox.localBytes()).toBeGreaterThan(1024 ** 2);
  await sandbox.stop();
  expect(await sandbox.localBytes()).toBe(0);
});

test("megabytes go in and out whole", async () => {
  const sandbox = await start("export const handler = ({ text }) => text + text;");
  const text = "grüße ".repeat(400_000);
  expect((await sandbox.run({ text })).result).toBe(text + text);
  await sandbox.stop();
});

test("a handler that throws is an error of that request only", async () => {
  const sandbox = await start(
    "export const handler = (c) => { if (c.bad) throw new TypeError('no'); return 1; };",
  );
  expect(sandbox.run({ bad: true })).rejects.toMatchObject({
    code: "FUNCTION_ERROR",
    message: expect.stringContaining("TypeError: no"),
  });
  expect((await sandbox.run({})).result).toBe(1);
  await sandbox.stop();
});

test.each([
  ["throws", "throw new Error('broken');", "broken"],
  ["has no handler", "export const other = 1;", 'exports no function "handler"'],
])("a module that %s is refused", async (_, source, message) => {
  expect(start(source)).rejects.toMatchObject({
    code: "FUNCTION_INIT",
    message: expect.stringContaining(message),
  });
});

test("a process that ends tells how, with its last output", async () => {
  const sandbox = await start(
    "export const handler = () => { console.error('last words'); process.exit(7); };",
  );
  const failure = await sandbox.run({}).catch((error) => error);
  expect(failure).toMatchObject({ code: "SANDBOX_DIED", message: expect.stringContaining("exit code 7") });
  await sandbox.exited;
});

test("stopping takes everything that the function started, and its folder", async () => {
  const sandbox = await start(
    "import { spawn } from 'node:child_process'; export const handler = () => spawn('sleep', ['1000']).pid;",
  );
  const { result: child } = await sandbox.run({});
  expect(isRunning(child as number)).toBe(true);
  await sandbox.stop();
  for (let i = 0; i < 50 && isRunning(child as number); i++) await Bun.sleep(20);
  expect(isRunning(child as number)).toBe(false);
  expect(isRunning(sandbox.pid)).toBe(false);
  expect(readdirSync(folder)).not.toContain(sandbox.name);
});

test("an idle sandbox does not wake: far memory would come back", async () => {
  const sandbox = await start("export const handler = () => new Array(10_000).fill({}).length;");
  await sandbox.run({});
  const wakes = () =>
    Number(
      /^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${sandbox.pid}/status`, "utf8"))![1],
    );
  await Bun.sleep(1000);
  const before = wakes();
  await Bun.sleep(3000);
  // With the collector's timer and a connected socket: six at least.
  expect(wakes() - before).toBeLessThan(3);
  await sandbox.stop();
});

test("a sandbox sees nothing of its worker's environment", async () => {
  process.env.FAASMEM_TEST_SECRET = "hidden";
  const sandbox = await start("export const handler = () => Object.keys(process.env);");
  expect((await sandbox.run({})).result).not.toContain("FAASMEM_TEST_SECRET");
  await sandbox.stop();
});

test("lines may come in any pieces, and have a longest length", () => {
  const reader = new LineReader();
  const bytes = new TextEncoder().encode('{"a":"ü"}\n{"b":2}\n');
  const lines = [...bytes].flatMap((byte) => reader.push(Uint8Array.of(byte)));
  expect(lines).toEqual(['{"a":"ü"}', '{"b":2}']);
  expect(() => reader.push(new Uint8Array(MAX_LINE_BYTES + 1))).toThrow(RangeError);
});
