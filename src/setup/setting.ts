import type { ChangeOf } from "./change.ts";
import type { Machine } from "./machine.ts";
import { done, type Step, todo } from "./step.ts";

type Format = ChangeOf<"setting">["format"];

/** The value that a file of /proc/sys or /sys has; null when the kernel has no such file. */
export function readSetting(machine: Machine, path: string, format: Format): string | null {
  const text = machine.read(path);
  if (text === null) return null;
  if (format === "choice") return /\[([\w-]+)\]/.exec(text)?.[1] ?? text;
  return format === "number" ? String(Number(text)) : text;
}

/** A switch of the kernel. */
export interface Setting {
  id: string;
  title: string;
  path: string;
  format: Format;
  /** The value to be written. */
  value: string;
  /** Larger values are as good. */
  atLeast?: boolean;
}

/** The step that gives a switch its value. A kernel without it needs none. */
export function settingStep(machine: Machine, setting: Setting): Step {
  const { id, title, path, format, value } = setting;
  return {
    id,
    title,
    would: `echo ${value} > ${path}`,
    check: async () => {
      const now = readSetting(machine, path, format);
      if (now === null) return done("this kernel has none");
      return now === value || (setting.atLeast && Number(now) >= Number(value)) ? done(now) : todo(now);
    },
    apply: async (keep) => {
      keep({ kind: "setting", path, format, before: readSetting(machine, path, format)!, after: value });
      machine.write(path, value);
    },
  };
}

/** The step that puts a text file of ours in place. */
export function fileStep(
  machine: Machine,
  step: { id: string; title: string; path: string; text: string },
): Step {
  const { path, text } = step;
  return {
    id: step.id,
    title: step.title,
    would: `write ${path}: ${text.trim().replaceAll("\n", "; ")}`,
    check: async () => {
      const now = machine.read(path);
      return now === text.trimEnd()
        ? done(path)
        : todo(now === null ? `${path} is absent` : `${path} is different`);
    },
    apply: async (keep) => {
      keep({ kind: "file", path, before: machine.read(path), after: text });
      machine.write(path, text);
    },
  };
}
