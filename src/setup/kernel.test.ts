import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootStep, menuEntry } from "./boot.ts";
import { type FakeMachine, fakeMachine } from "./fake-machine.ts";
import { buildMinutes, type KernelOptions, kernelBuild, kernelSteps } from "./kernel.ts";
import { isUnpacked, kernelFiles, unpack } from "./kernel-files.ts";
import { thisMachine } from "./machine.ts";
import { applySteps, checkSteps, undoAll } from "./run.ts";
import { SetupState } from "./state.ts";

const quiet = { begin: () => {}, end: () => {} };
const RELEASE = "6.1.192-faasmem";
const OUT = "/srv/kernel";
const MENU = "/boot/grub/grub.cfg";
const SETTING = "/etc/default/grub.d/90-faasmem.cfg";
const options: KernelOptions = {
  ...{ source: "debian", config: "running", localModules: false, out: OUT, jobs: 4, packages: true },
};
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0).toReversed()) clean();
});

const menu = (...releases: string[]) => `if [ x = y ]; then
menuentry 'Debian' --class debian $menuentry_id_option 'gnulinux-simple-UUID' {
	linux /vmlinuz
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-UUID' {
${releases
  .flatMap((release) => [
    `	menuentry 'with ${release}' --class gnu $menuentry_id_option 'gnulinux-${release}-advanced-UUID' {`,
    "		linux /x",
    "	}",
    `	menuentry 'recovery' $menuentry_id_option 'gnulinux-${release}-recovery-UUID' {`,
    "	}",
  ])
  .join("\n")}
}
menuentry 'Firmware' $menuentry_id_option 'uefi-firmware' {
}
`;

/** A Debian 12 whose programs do what a build and an installation do, without compiling anything. */
function debian(): { machine: FakeMachine; packages: Set<string>; builds: string[] } {
  const packages = new Set(["bash"]);
  const builds: string[] = [];
  const machine: FakeMachine = fakeMachine(
    {
      "/etc/os-release": 'PRETTY_NAME="Debian 12"\nID=debian\nVERSION_ID="12"\n',
      "/proc/sys/kernel/osrelease": "6.1.0-56-amd64\n",
      "/boot/config-6.1.0-56-amd64": `CONFIG_MODULES=y\n${"CONFIG_A=y\n".repeat(616)}`,
      [MENU]: menu("6.1.0-56-amd64"),
    },
    {
      "dpkg-query": () => [...packages].map((name) => `installed ${name}\n`).join(""),
      "apt-get": (words) => {
        const names = words.filter((word) => !word.startsWith("-") && !word.includes("=")).slice(2);
        if (words.includes("install")) for (const name of names) packages.add(name);
        if (words.includes("--simulate")) return names.map((name) => `Remv ${name} [1]\n`).join("");
        if (words.includes("remove")) for (const name of names) packages.delete(name);
        return 0;
      },
      bash: (words) => {
        if (words.includes("--print-key")) return "key1\n";
        builds.push(words.at(-1)!);
        machine.put(`${OUT}/.prepared`, "key1\n");
        machine.put(`${OUT}/linux/.config`, "CONFIG_MODULES=y\n");
        if (!words.includes("--deb")) return 0;
        machine.put(`${OUT}/release`, `${RELEASE}\n`);
        for (const kind of ["image", "headers", "image-dbg"])
          machine.put(`${OUT}/linux-${kind}-${RELEASE}_1_amd64.deb`, "");
        machine.put(`${OUT}/linux-libc-dev_1_amd64.deb`, "");
        machine.put(`${OUT}/.built`, "key1\n");
        return 0;
      },
      dpkg: (words) => {
        const names = words.slice(2).map((file) => file.split("/").at(-1)!.split("_")[0]!);
        for (const name of names) words[1] === "--purge" ? packages.delete(name) : packages.add(name);
        return 0;
      },
      mkdir: () => 0,
      make: () => 0,
      depmod: () => 0,
      install: (words) => {
        machine.put(join(words.at(-1)!, words.at(-2)!.split("/").at(-1)!), "module");
        return 0;
      },
      "update-grub": () => {
        const built = packages.has(`linux-image-${RELEASE}`) ? [RELEASE] : [];
        machine.put(MENU, menu(...built, "6.1.0-56-amd64"));
        return 0;
      },
    },
  );
  cleanups.push(() => machine.dispose());
  return { machine, packages, builds };
}

/** The steps with the files that they unpack put below the fake root. */
async function steps(machine: FakeMachine, own: Partial<KernelOptions> = {}) {
  const files = await kernelFiles();
  return kernelSteps(machine, { ...options, ...own }, files).map((step) =>
    step.id === "tools"
      ? {
          ...step,
          check: async () =>
            isUnpacked(files, join(machine.root, OUT, "tools"))
              ? ({ state: "done", now: "" } as const)
              : ({ state: "todo", now: "" } as const),
          apply: async (keep: Parameters<typeof step.apply>[0]) => {
            if (!machine.exists(OUT)) keep({ kind: "folder", path: OUT });
            unpack(files, join(machine.root, OUT, "tools"));
          },
        }
      : step,
  );
}

function state(): SetupState {
  const folder = mkdtempSync(join(tmpdir(), "faasmem-state-"));
  const opened = new SetupState("kernel", folder);
  cleanups.push(() => {
    opened.close();
    rmSync(folder, { recursive: true });
  });
  return opened;
}

test("from nothing to the reboot, which is left to a person; and all the way back", async () => {
  const { machine, packages } = debian();
  const kept = state();
  await applySteps(await steps(machine), kept, quiet);
  expect(packages).toContain(`linux-image-${RELEASE}`);
  expect(packages).toContain(`linux-headers-${RELEASE}`);
  expect([...packages].filter((name) => /dbg|libc-dev/.test(name))).toEqual([]);
  expect(machine.read(SETTING)).toContain(
    `GRUB_DEFAULT="gnulinux-advanced-UUID>gnulinux-${RELEASE}-advanced-UUID"`,
  );
  expect(machine.exists(`/lib/modules/${RELEASE}/faasmem/fastswap_dram.ko`)).toBe(true);
  const status = await checkSteps(await steps(machine));
  expect(status.filter((one) => one.state !== "done").map((one) => one.id)).toEqual(["reboot"]);

  machine.put("/proc/sys/kernel/osrelease", `${RELEASE}\n`);
  expect((await checkSteps(await steps(machine))).every((one) => one.state === "done")).toBe(true);
  await expect(undoAll(machine, kept, () => {})).rejects.toMatchObject({ code: "KERNEL_IN_USE" });
  expect(packages).toContain(`linux-image-${RELEASE}`);

  machine.put("/proc/sys/kernel/osrelease", "6.1.0-56-amd64\n");
  await undoAll(machine, kept, () => {});
  expect(packages).toEqual(new Set(["bash"]));
  expect([OUT, SETTING, `/lib/modules/${RELEASE}/faasmem`].filter((path) => machine.exists(path))).toEqual(
    [],
  );
  expect(kept.changes).toEqual([]);
});

test("a build that fails is gone on with, not begun again", async () => {
  const { machine, builds } = debian();
  const kept = state();
  const run = machine.run;
  machine.run = async (command, more) =>
    command.includes("--deb") ? { code: 1, out: "", err: "No space left on device" } : run(command, more);
  await expect(applySteps(await steps(machine), kept, quiet)).rejects.toMatchObject({
    code: "COMMAND_FAILED",
    message: expect.stringContaining("No space left"),
    fix: expect.stringContaining("build.log"),
  });
  machine.run = run;
  const begun: string[] = [];
  await applySteps(await steps(machine), kept, { ...quiet, begin: (step) => begun.push(step.id) });
  expect(begun).toEqual(["compile", "install", "modules", "boot"]);
  expect(builds).toEqual(["--prepare", "--deb"]);
});

test("the time is told before, from the number of options", async () => {
  const { machine } = debian();
  const compile = (await checkSteps(await steps(machine))).find((one) => one.id === "compile");
  expect(compile?.now).toBe("not yet; 617 options on 4 processors take about 6 minutes");
  expect(buildMinutes(617, 2)).toBe(12);
});

test("unknown systems get the steps by hand; no source, no room and no modules are refused", async () => {
  const { machine } = debian();
  const first = async (own: Partial<KernelOptions> = {}) => (await checkSteps(await steps(machine, own)))[0]!;
  expect(await first()).toMatchObject({ state: "done" });
  expect(await first({ source: "/nowhere" })).toMatchObject({
    state: "blocked",
    now: "there is no /nowhere",
  });
  const free = machine.free;
  machine.free = () => 1024 ** 3;
  expect(await first()).toMatchObject({ state: "blocked", now: expect.stringContaining("1024 MiB free") });
  machine.free = free;
  machine.put(
    "/etc/os-release",
    'PRETTY_NAME="Ubuntu 24.04"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n',
  );
  expect(await first()).toMatchObject({ state: "blocked", fix: expect.stringContaining("--source") });
  machine.put("/etc/os-release", 'PRETTY_NAME="Fedora 41"\nID=fedora\n');
  expect(await first()).toMatchObject({ state: "blocked", fix: expect.stringContaining("by hand") });
  machine.put("/boot/config-6.1.0-56-amd64", "# CONFIG_MODULES is not set\n");
  const compile = (await checkSteps(await steps(machine))).find((one) => one.id === "compile");
  expect(compile).toMatchObject({ state: "blocked", now: "this configuration has no loadable modules" });
});

test("the boot menu's entry is found in submenus, and never the one for recovery", () => {
  expect(menuEntry(menu("6.1.0", RELEASE), RELEASE)).toBe(
    `gnulinux-advanced-UUID>gnulinux-${RELEASE}-advanced-UUID`,
  );
  expect(menuEntry(menu("6.1.0"), RELEASE)).toBeNull();
  const flat = `menuentry 'a' $menuentry_id_option 'gnulinux-${RELEASE}-advanced-UUID' {\n}\n`;
  expect(menuEntry(`${menu("6.1.0")}${flat}`, RELEASE)).toBe(`gnulinux-${RELEASE}-advanced-UUID`);
});

test("without GRUB a person has to make it boot", async () => {
  const { machine } = debian();
  machine.remove(MENU);
  machine.put(`${OUT}/release`, RELEASE);
  expect(await bootStep(machine, kernelBuild(machine, options)).check()).toMatchObject({ state: "waiting" });
});

test("the embedded files are unpacked for this user alone, and a changed one is noticed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "faasmem-tools-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const files = await kernelFiles();
  expect(files.map((file) => file.path)).toContain("kernel/build.sh");
  expect(files.some((file) => file.path.endsWith(".patch"))).toBe(true);
  expect(isUnpacked(files, folder)).toBe(false);
  unpack(files, folder);
  expect(isUnpacked(files, folder)).toBe(true);
  expect(statSync(join(folder, "kernel/build.sh")).mode & 0o777).toBe(0o700);
  writeFileSync(join(folder, "kernel/build.sh"), "#!/bin/sh\n");
  expect(isUnpacked(files, folder)).toBe(false);
});

test("the unpacked build script takes the options that it is given", async () => {
  const folder = mkdtempSync(join(tmpdir(), "faasmem-tools-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  unpack(await kernelFiles(), join(folder, "tools"));
  writeFileSync(join(folder, "linux.tar.xz"), "");
  const own = {
    ...options,
    out: folder,
    source: join(folder, "linux.tar.xz"),
    config: "guest",
    localModules: true,
  };
  const build = kernelBuild(thisMachine(), own);
  expect(await build.key()).toMatch(/^[0-9a-f]{16}$/);
  expect(await build.finished("prepared")).toBe(false);
  writeFileSync(join(folder, ".prepared"), `${await build.key()}\n`);
  expect(await build.finished("prepared")).toBe(true);
  expect(await kernelBuild(thisMachine(), { ...own, source: "/nowhere" }).key()).toBeNull();
});
