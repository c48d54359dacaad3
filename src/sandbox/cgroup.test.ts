import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { memoryMount, openCgroups } from "./cgroup.ts";

test("the memory controller is found in either version", () => {
  const v1 = [
    "tmpfs /sys/fs/cgroup tmpfs rw 0 0",
    "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0",
    "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0",
  ].join("\n");
  expect(memoryMount(v1)).toEqual({ path: "/sys/fs/cgroup/memory", version: 1 });
  expect(memoryMount("cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n")).toEqual({
    path: "/sys/fs/cgroup",
    version: 2,
  });
  expect(memoryMount("proc /proc proc rw 0 0\n")).toBeNull();
});

test("a command enters its group before it runs, and the group goes with it", async () => {
  let folder: ReturnType<typeof openCgroups>;
  try {
    folder = openCgroups();
  } catch (error) {
    expect(error).toMatchObject({ code: "NO_CGROUP" });
    console.log("not verified here: no memory cgroups");
    return;
  }
  const group = folder.make("one");
  const child = Bun.spawn([...group.enter, "cat", "/proc/self/cgroup"], { stdout: "pipe" });
  const said = await new Response(child.stdout).text();
  expect(said).toContain(`/faasmem-${process.pid}/one`);
  await child.exited;
  await group.remove();
  folder.close();
  const mount = memoryMount(readFileSync("/proc/self/mounts", "utf8"))!;
  expect(await Bun.file(`${mount.path}/faasmem-${process.pid}/cgroup.procs`).exists()).toBe(false);
});
