import type { KernelBuild } from "./kernel.ts";
import { type Machine, must } from "./machine.ts";
import { fileStep } from "./setting.ts";
import { done, type Step, todo, waiting } from "./step.ts";

const MENU = "/boot/grub/grub.cfg";
const SETTING = "/etc/default/grub.d/90-faasmem.cfg";

/**
 * Name of a kernel's entry for GRUB_DEFAULT: the ids of the submenus and the entry, joined by ">" (GRUB manual,
 * "default"). Null when the menu has no such entry.
 */
export function menuEntry(menu: string, release: string): string | null {
  const path: { id: string; depth: number }[] = [];
  let depth = 0;
  for (const line of menu.split("\n")) {
    const entry = /^\s*(submenu|menuentry)\s.*\$menuentry_id_option '([^']+)'/.exec(line);
    if (entry) {
      const id = entry[2]!;
      const recovery = id.includes("-recovery-");
      if (entry[1] === "menuentry" && !recovery && id.includes(`-${release}-`)) {
        return [...path.map((one) => one.id), id].join(">");
      }
      if (entry[1] === "submenu") path.push({ id, depth });
    }
    depth += (line.match(/\{\s*$/g)?.length ?? 0) - (/^\s*\}\s*$/.test(line) ? 1 : 0);
    while (path.length > 0 && depth <= path.at(-1)!.depth) path.pop();
  }
  return null;
}

/** The step that makes the kernel the one that boots. */
export function bootStep(machine: Machine, build: KernelBuild): Step {
  const entry = () => {
    const release = build.release();
    return release ? menuEntry(machine.read(MENU) ?? "", release) : null;
  };
  const setting = () =>
    fileStep(machine, {
      id: "boot",
      title: "it is what boots",
      path: SETTING,
      text: `# by faasmem setup kernel\nGRUB_DEFAULT="${entry()}"\n`,
    });
  return {
    id: "boot",
    title: "it is what boots",
    would: `write its entry to ${SETTING}, update-grub`,
    check: async () => {
      if (build.release() === null) return todo("not compiled yet");
      if (!machine.exists(MENU))
        return waiting(`no ${MENU}: make your boot loader start Linux ${build.release()}`);
      if (entry() === null) return todo("the boot menu does not have it");
      return (await setting().check()).state === "done"
        ? done(entry()!)
        : todo("another entry is the default");
    },
    apply: async (keep) => {
      const update = ["update-grub"];
      const fix = "see what update-grub says; or choose the kernel in the boot menu";
      // Taken back last, after the file is gone.
      keep({ kind: "boot-menu", command: update });
      if (entry() === null) await must(machine, update, fix);
      await setting().apply(keep);
      await must(machine, update, fix);
    },
  };
}
