import { z } from "zod";

const path = z.string().startsWith("/");
const identity = { dev: z.number(), ino: z.number() };

/**
 * What was changed, and all that is needed to take it back: written down before the change itself, so that a setup
 * which was killed half-way can be undone. One kind, one way back (src/setup/undo.ts).
 */
export const change = z.discriminatedUnion("kind", [
  /** A value file of /proc/sys or /sys. `choice`: all values are shown, the valid one in brackets. */
  z.object({
    kind: z.literal("setting"),
    path,
    format: z.enum(["plain", "choice", "number"]),
    before: z.string(),
    after: z.string(),
  }),
  /** A text file of ours; before: null, or what it replaced. */
  z.object({ kind: z.literal("file"), path, before: z.string().nullable(), after: z.string() }),
  z.object({ kind: z.literal("swapfile"), path, ...identity }),
  z.object({ kind: z.literal("swap-on"), path }),
  z.object({ kind: z.literal("mount"), path }),
  /** Packages that were not there before: those asked for, and once they are installed, what they brought along. */
  z.object({ kind: z.literal("packages"), names: z.array(z.string()) }),
  z.object({ kind: z.literal("module"), name: z.string() }),
  z.object({ kind: z.literal("link-up"), device: z.string() }),
  z.object({ kind: z.literal("rxe"), name: z.string() }),
  z.object({ kind: z.literal("address"), device: z.string(), address: z.string() }),
  /** A folder that was made by the setup, with everything in it. */
  z.object({ kind: z.literal("folder"), path }),
  /** A kernel's packages. */
  z.object({ kind: z.literal("kernel"), release: z.string(), names: z.array(z.string()) }),
  /** The boot loader's menu has to be written again, after the files it is made of. */
  z.object({ kind: z.literal("boot-menu"), command: z.array(z.string()) }),
]);

export type Change = z.infer<typeof change>;
export type ChangeOf<Kind extends Change["kind"]> = Extract<Change, { kind: Kind }>;

/** A second change of the same thing, as it is written down: the first one's way back counts. */
export function merged(first: Change, later: Change): Change {
  if (first.kind === "packages" && later.kind === "packages") {
    return { ...later, names: [...new Set([...first.names, ...later.names])] };
  }
  if (first.kind === "setting" && later.kind === "setting") return { ...later, before: first.before };
  if (first.kind === "file" && later.kind === "file") return { ...later, before: first.before };
  return later;
}

/** What a change is about: a second change of the same thing keeps the first one's way back. */
export function subject(one: Change): string {
  const rest = "path" in one ? one.path : "name" in one ? one.name : "device" in one ? one.device : "";
  return `${one.kind} ${rest}`;
}
