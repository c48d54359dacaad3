import { join } from "node:path";
import { FaasmemError } from "../base/errors.ts";
import type { KernelBuild } from "./kernel.ts";
import { type Machine, must } from "./machine.ts";
import { installedPackages } from "./packages.ts";
import { done, type Step, todo } from "./step.ts";

/** Folders of kernel modules in fastswap/, by the folder of their sources. */
const BACKENDS = ["dram", "rdma"];

/** Files of the packages that are wanted: image and headers. libc's headers are the distribution's. */
function packageFiles(machine: Machine, build: KernelBuild): string[] {
  const release = build.release();
  const wanted = new RegExp(`^linux-(image|headers)-${release?.replaceAll(".", "\\.")}_.*\\.deb$`);
  return machine.list(build.out).filter((name) => release !== null && wanted.test(name));
}

/** The step that installs the kernel's packages. */
export function installStep(machine: Machine, build: KernelBuild): Step {
  const names = () => packageFiles(machine, build).map((file) => file.split("_")[0]!);
  return {
    id: "install",
    title: "its packages are installed",
    would: `dpkg --install ${join(build.out, "linux-image-*.deb")} and the headers`,
    check: async () => {
      const wanted = names();
      if (wanted.length === 0) return todo("not compiled yet");
      const installed = new Set(await installedPackages(machine));
      return wanted.every((name) => installed.has(name)) ? done(wanted.join(" ")) : todo("not installed");
    },
    apply: async (keep) => {
      const files = packageFiles(machine, build).map((name) => join(build.out, name));
      if (files.length === 0) {
        throw new FaasmemError("NO_PACKAGES", `the build left no packages in ${build.out}`, {
          fix: `see ${build.out}/build.log, remove ${build.out}/.built, then run it again`,
        });
      }
      keep({ kind: "kernel", release: build.release()!, names: names() });
      await must(
        machine,
        ["dpkg", "--install", ...files],
        "see what dpkg says above, then run it again",
        true,
      );
    },
  };
}

/** The step that compiles the Fastswap modules and puts them where modprobe finds them. */
export function modulesStep(machine: Machine, build: KernelBuild): Step {
  const folder = () => `/lib/modules/${build.release()}/faasmem`;
  const backends = () =>
    BACKENDS.filter((name) => machine.exists(join(build.tools, "fastswap", name, "Makefile")));
  const file = (name: string) => `fastswap_${name}.ko`;
  return {
    id: "modules",
    title: "the Fastswap modules are installed",
    would: "make in fastswap/, copy the modules to /lib/modules/RELEASE/faasmem, depmod",
    check: async () => {
      const wanted = backends();
      const there = wanted.filter((name) => machine.exists(join(folder(), file(name))));
      return wanted.length > 0 && there.length === wanted.length
        ? done(there.map(file).join(", "))
        : todo("not yet");
    },
    apply: async (keep) => {
      keep({ kind: "folder", path: folder() });
      const again = "see what make says, then run it again";
      await must(machine, ["mkdir", "-p", folder()], again);
      for (const name of backends()) {
        const source = join(build.tools, "fastswap", name);
        await must(machine, ["make", "-C", source, `KDIR=${build.tree}`], again);
        await must(machine, ["install", "-m", "644", join(source, file(name)), folder()], again);
      }
      await must(machine, ["depmod", "-a", build.release()!], again);
    },
  };
}
