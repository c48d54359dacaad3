import type { Machine } from "./machine.ts";

/** What /etc/os-release says (os-release(5)). */
export interface Distribution {
  /** For people, for example "Debian GNU/Linux 12 (bookworm)". */
  name: string;
  id: string;
  version: string;
  /** Debian, Ubuntu and what is made of them. */
  apt: boolean;
}

export function distribution(machine: Machine): Distribution {
  const text = machine.read("/etc/os-release") ?? "";
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  const ids = [field("ID"), ...field("ID_LIKE").split(" ")];
  return {
    name: field("PRETTY_NAME") || "this system",
    id: field("ID"),
    version: field("VERSION_ID"),
    apt: (ids.includes("debian") || ids.includes("ubuntu")) && machine.has("apt-get"),
  };
}

/** What a person does where packages have other names or tools. */
export const packageFix = (names: string[]): string =>
  `install what these Debian packages hold by hand (${names.join(", ")}), then run it again with --no-packages`;
