import { expect, test } from "bun:test";
import { fixOf, parameters } from "./fastswap.ts";
import { isEmptyOrSwap } from "./nvmeof.ts";

const options = {
  backend: "rdma" as const,
  sizeBytes: 32 * 2 ** 30,
  path: "/swapfile",
  modules: "/lib/fastswap",
  server: { host: "10.0.0.2", port: 50000 },
  client: null,
  queues: null,
};

test("the modules get their parameters, and only those that were given", () => {
  expect(parameters(options)).toEqual(["server=10.0.0.2", "port=50000", "capacity=32768M"]);
  expect(parameters({ ...options, client: "10.0.0.1", queues: 8 }).slice(3)).toEqual([
    "client=10.0.0.1",
    "queues=8",
  ]);
  expect(parameters({ ...options, backend: "dram", server: null })).toEqual(["size_mb=32768"]);
});

test.each([
  ["insmod: ERROR: could not insert module x.ko: Invalid module format", "another kernel"],
  ["insmod: ERROR: could not insert module x.ko: Unknown symbol in module", "lacks the far-memory patch"],
  ["insmod: ERROR: could not insert module x.ko: Key was rejected by service", "signed"],
  ["insmod: ERROR: could not insert module x.ko: Connection refused", "RDMA link"],
])("%p comes with what to do", (said, fix) => {
  expect(fixOf(said)).toContain(fix);
});

test("a namespace that holds a file system is not taken for an empty one", () => {
  const start = new Uint8Array(1 << 20);
  expect(isEmptyOrSwap(start)).toBe(true);
  start[1080] = 0x53; // magic number of ext4
  expect(isEmptyOrSwap(start)).toBe(false);
  start.set(new TextEncoder().encode("SWAPSPACE2"), 4086);
  expect(isEmptyOrSwap(start)).toBe(true);
});
