import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { doctorTable } from "../report/doctor-table.ts";
import { diagnose } from "./doctor.ts";
import { bounded } from "./facts.ts";
import { liveFacts } from "./live.ts";
import { loadRecording, recordFacts, replayFacts } from "./recording.ts";

const fixture = (name: string) => loadRecording(join(import.meta.dir, "fixtures", `${name}.json`));
const judge = (name: string, change: Record<string, unknown> = {}) => {
  const { faasmemFacts, facts } = fixture(name);
  return diagnose(replayFacts({ faasmemFacts, facts: { ...facts, ...change } }));
};
const states = ({ capabilities }: Awaited<ReturnType<typeof judge>>) =>
  Object.fromEntries(capabilities.map((one) => [one.id, one.state]));

test.each([
  ["linux-6.18-root", "uffd", "ebpf"],
  ["debian-6.1-root", "swap", "refault"],
  ["linux-6.18-nobody", null, "refault"],
  ["linux-6.18-container", null, "refault"],
])("on %s the plane is %p and the tracker %p", async (name, plane, tracker) => {
  const { recommended, planes } = await judge(name);
  expect(recommended).toMatchObject({ plane, tracker });
  expect([planes.uffd.works, planes.swap.works]).toEqual([plane === "uffd", plane !== null]);
  expect(recommended.planeReason).not.toBe("");
});

test("Debian's 6.1 has what the swap plane needs, and what is off says how to switch it on", async () => {
  const diagnosis = await judge("debian-6.1-root");
  expect(states(diagnosis)).toMatchObject({
    ...{
      kernel: "yes",
      cgroup: "yes",
      rdma: "off",
      userfaultfd: "yes",
      "uffd-move": "no",
      "pagemap-scan": "no",
    },
    ...{ "process-madvise": "yes", btf: "yes", "tracker-ebpf": "no", mglru: "off", "page-idle": "no" },
    ...{ swap: "off", zram: "yes", frontswap: "off", thp: "off", psi: "yes" },
  });
  const fixes = Object.fromEntries(diagnosis.capabilities.map((one) => [one.id, one.fix]));
  expect(fixes).toMatchObject({
    rdma: "faasmem setup rdma",
    thp: "faasmem setup host",
    frontswap: expect.stringContaining("faasmem setup kernel"),
    psi: null,
  });
  expect(diagnosis.recommended.trackerReason).toContain("mglru is better");
});

test("whatever is not usable names its fix, and every capability says what it enables", async () => {
  for (const name of ["linux-6.18-root", "debian-6.1-root", "linux-6.18-nobody", "linux-6.18-container"]) {
    const { capabilities } = await judge(name);
    for (const one of capabilities) {
      expect(one.enables).not.toBe("");
      if (one.state !== "yes")
        expect({ id: one.id, fix: one.fix }).toEqual({ id: one.id, fix: expect.any(String) });
    }
  }
});

test("without privileges the kernel is told apart from the permission", async () => {
  expect(states(await judge("linux-6.18-nobody"))).toMatchObject({
    ...{
      userfaultfd: "denied",
      "uffd-move": "yes",
      "process-madvise": "denied",
      ptrace: "off",
      bpf: "denied",
    },
  });
  const container = await judge("linux-6.18-container");
  expect(container.capabilities.find((one) => one.id === "userfaultfd")?.fix).toContain(
    "--cap-add SYS_PTRACE",
  );
  expect(container.planes.swap.reason).toBe("nothing here can send pages to swap");
});

test("MGLRU that is on becomes the tracker of the swap plane, and only of that one", async () => {
  const on = {
    "read /sys/kernel/mm/lru_gen/enabled": "0x0007\n",
    "list /sys/kernel/debug": ["lru_gen"],
    "writable /sys/kernel/debug/lru_gen": true,
  };
  expect((await judge("debian-6.1-root", on)).recommended).toMatchObject({ plane: "swap", tracker: "mglru" });
  const killed = { "trial tracker-ebpf": null };
  expect((await judge("linux-6.18-root", { ...on, ...killed })).recommended).toMatchObject({
    plane: "uffd",
    tracker: "refault",
  });
  const unmounted = { ...on, "list /sys/kernel/debug": [] };
  const { capabilities } = await judge("debian-6.1-root", unmounted);
  expect(capabilities.find((one) => one.id === "mglru")).toMatchObject({
    state: "off",
    fix: expect.stringContaining("mount -t debugfs"),
  });
});

test("a patched kernel, an active adapter, huge pages and a page size of 64 KiB are seen", async () => {
  const diagnosis = await judge("debian-6.1-root", {
    "read /sys/module/frontswap/parameters/backend": "none\n",
    "list /sys/class/infiniband": ["mlx5_0", "rxe0"],
    "read /sys/class/infiniband/mlx5_0/ports/1/state": "1: DOWN\n",
    "read /sys/class/infiniband/rxe0/ports/1/state": "4: ACTIVE\n",
    "read /proc/swaps": "Filename Type Size Used Priority\n/swap\\040file file 1048572 0 -2\n",
    "trial page-size": { errno: 22, value: 65536 },
  });
  const detail = Object.fromEntries(diagnosis.capabilities.map((one) => [one.id, one.detail]));
  expect(detail).toMatchObject({
    frontswap: "patched kernel, backend: none",
    rdma: "rxe0 active",
    swap: "1.0 GiB on /swap\\040file",
    "uffd-move": "pages of 65536 bytes",
  });
  expect(diagnosis.planes.swap.reason).toContain("swap is on");
});

test("a file that gives no answer is unknown, not absent", async () => {
  const { faasmemFacts, facts } = fixture("debian-6.1-root");
  const replayed = replayFacts({ faasmemFacts, facts });
  const stuck = new Promise<string | null>(() => {});
  const read = (path: string) => (path === "/proc/swaps" ? bounded(stuck, null, 10) : replayed.read(path));
  const diagnosis = await diagnose({ ...replayed, read });
  expect(states(diagnosis)).toMatchObject({ swap: "unknown", memory: "yes" });
  expect(await bounded(Promise.reject(new Error("absent")), null, 10)).toBeNull();
});

test("names and fields of the JSON stay", async () => {
  const diagnosis = await judge("linux-6.18-root");
  expect(Object.keys(diagnosis)).toEqual(["schema", "capabilities", "planes", "recommended"]);
  expect(diagnosis.capabilities.map((one) => one.id)).toEqual([
    ...["kernel", "cgroup", "rdma", "containers", "limits"],
    ...["userfaultfd", "uffd-move", "pagemap-scan", "process-madvise", "ptrace"],
    ...["bpf", "btf", "tracker-ebpf", "mglru", "page-idle"],
    ...["memory", "swap", "zram", "frontswap", "thp", "numa", "psi"],
  ]);
  expect(Object.keys(diagnosis.capabilities[0]!)).toEqual(["id", "state", "detail", "enables", "fix"]);
  expect(Object.keys(diagnosis.recommended)).toEqual(["plane", "planeReason", "tracker", "trackerReason"]);
});

test("a machine that tells nothing at all is judged, not crashed on", async () => {
  const diagnosis = await diagnose(replayFacts({ faasmemFacts: 1, facts: {} }));
  expect(diagnosis.recommended).toMatchObject({ plane: null, tracker: "refault" });
  expect(states(diagnosis)).toMatchObject({
    kernel: "unknown",
    userfaultfd: "unknown",
    memory: "no",
    swap: "no",
  });
});

test("this machine is examined without a change, and its recording gives the same judgement", async () => {
  const { facts, recording } = recordFacts(liveFacts());
  const diagnosis = await diagnose(facts);
  expect(await diagnose(replayFacts(JSON.parse(JSON.stringify(recording))))).toEqual(diagnosis);
  expect(diagnosis.schema).toBe(1);
  // The tests of the engine run as root on a kernel that has these.
  expect(states(diagnosis)).toMatchObject({
    kernel: "yes",
    userfaultfd: "yes",
    ptrace: "yes",
    memory: "yes",
  });
});

test("files are read below another root, no further than their first 256 KiB", async () => {
  const root = mkdtempSync(join(tmpdir(), "faasmem-root-"));
  try {
    mkdirSync(join(root, "proc/sys/kernel"), { recursive: true });
    writeFileSync(join(root, "proc/sys/kernel/osrelease"), "6.1.0\n");
    writeFileSync(join(root, "proc/big"), "x".repeat(300 * 1024));
    mkdirSync(join(root, "lib/modules/6.1.0"), { recursive: true });
    writeFileSync(join(root, "lib/modules/6.1.0/modules.dep"), "kernel/drivers/block/zram/zram.ko: a.ko\n");
    writeFileSync(join(root, "lib/modules/6.1.0/modules.builtin"), "kernel/drivers/rdma-rxe.ko\n");
    mkdirSync(join(root, "boot"));
    writeFileSync(join(root, "boot/config-6.1.0"), "CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\n");
    const facts = liveFacts(root);
    expect((await facts.read("/proc/big"))?.length).toBe(256 * 1024);
    expect(await facts.read("/proc/absent")).toBeNull();
    expect(await facts.list("/boot")).toEqual(["config-6.1.0"]);
    const modules = await Promise.all(["zram", "rdma_rxe", "other"].map((name) => facts.module(name)));
    expect(modules).toEqual(["loadable", "loaded", "absent"]);
    expect(await Promise.all(["A", "B", "C"].map((name) => facts.config(name)))).toEqual(["y", "m", "n"]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("the table fits the terminal and ends with the recommendation", async () => {
  const text = doctorTable(await judge("debian-6.1-root"), 100);
  const lines = text.split("\n");
  expect(lines.at(-2)).toMatch(/^recommended plane: {3}swap; /);
  expect(lines.at(-1)).toMatch(/^recommended tracker: refault; /);
  const rows = lines.slice(0, lines.indexOf(""));
  expect(Math.max(...rows.map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(text).toContain("-> faasmem setup rdma");
});
