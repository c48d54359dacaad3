import { join } from "node:path";
import { isUnpacked, type KernelFile, unpack } from "./kernel-files.ts";
import { type Machine, must } from "./machine.ts";
import { done, type Step, todo } from "./step.ts";

/** What compiling the server needs (fastswap/README.md). */
export const SERVER_PACKAGES = ["gcc", "make", "libibverbs-dev", "librdmacm-dev", "ibverbs-providers"];
const FOLDER = "/var/lib/faasmem/fastswap";

/**
 * The step that compiles the memory server of Fastswap, for a memory node.
 * @param files of src/setup/kernel-files.ts
 */
export function serverStep(machine: Machine, files: readonly KernelFile[], folder = FOLDER): Step {
  const sources = files.filter((file) => file.path.startsWith("fastswap/"));
  const program = join(folder, "fastswap-server");
  const command = ["make", "-C", join(folder, "fastswap/server"), `OUT=${folder}`, program];
  return {
    id: "server",
    title: "the memory server is compiled",
    would: command.join(" "),
    check: async () =>
      isUnpacked(sources, folder) && machine.exists(program)
        ? done(program)
        : todo("absent or of another version"),
    apply: async (keep) => {
      keep({ kind: "folder", path: folder });
      machine.remove(folder);
      unpack(sources, folder);
      await must(machine, command, "see what make says, then run it again", true);
    },
  };
}
