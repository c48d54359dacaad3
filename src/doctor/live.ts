import { constants } from "node:fs";
import { access, open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { bounded, type ConfigValue, type Facts, type ModuleState } from "./facts.ts";
import { runTrials } from "./trials.ts";

const MOST_BYTES = 256 * 1024;
const PROGRAM_FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

async function head(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(MOST_BYTES);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, MOST_BYTES - length, null);
      length += bytesRead;
      if (bytesRead === 0 || length === MOST_BYTES) return buffer.subarray(0, length).toString();
    }
  } finally {
    await file.close();
  }
}

/**
 * The facts of this machine.
 * @param root folder that stands for `/` when files are read; the tests' fake roots
 */
export function liveFacts(root = "/"): Facts {
  const at = (path: string) => join(root, path);
  const read = (path: string) => bounded<string | null>(head(at(path)), null);
  const list = (path: string) => bounded<string[] | null>(readdir(at(path)), null);
  const exists = (path: string) =>
    bounded(
      access(at(path)).then(() => true),
      false,
    );
  const release = read("/proc/sys/kernel/osrelease").then((text) => text?.trim() ?? "");
  let settings: Promise<string | null> | undefined;
  let trials: ReturnType<typeof runTrials> | undefined;
  const configuration = () => {
    settings ??= bounded<string | null>(
      readFile(at("/proc/config.gz")).then((bytes) => gunzipSync(bytes).toString()),
      null,
    ).then(async (text) => text ?? read(`/boot/config-${await release}`));
    return settings;
  };

  return {
    read,
    list,
    writable: (path) =>
      bounded(
        access(at(path), constants.W_OK).then(() => true),
        false,
      ),
    trial: async (name) => {
      trials ??= runTrials();
      return (await trials).get(name) ?? null;
    },
    program: async (name) =>
      (await Promise.all(PROGRAM_FOLDERS.map((folder) => exists(join(folder, name))))).includes(true),
    config: async (name): Promise<ConfigValue> => {
      const text = await configuration();
      if (text === null) return null;
      return (new RegExp(`^CONFIG_${name}=([ym])$`, "m").exec(text)?.[1] as "y" | "m" | undefined) ?? "n";
    },
    module: async (name): Promise<ModuleState> => {
      if (await exists(`/sys/module/${name}`)) return "loaded";
      const folder = `/lib/modules/${await release}`;
      // modules.dep of a distribution's kernel is longer than what `read` gives.
      const text = (file: string) => bounded(readFile(at(`${folder}/${file}`), "utf8"), "");
      const pattern = new RegExp(`/${name.replaceAll("_", "[-_]")}\\.ko`, "m");
      if (pattern.test(await text("modules.builtin"))) return "loaded";
      return pattern.test(await text("modules.dep")) ? "loadable" : "absent";
    },
    exported: async (symbol) => {
      // 8 MiB; an exported symbol has an entry of its own in the export table.
      const text = await bounded<string | null>(readFile(at("/proc/kallsyms"), "utf8"), null);
      return text === null ? null : text.includes(` __ksymtab_${symbol}\n`);
    },
  };
}
