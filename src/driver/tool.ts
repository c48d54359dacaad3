import { FaasmemError } from "../base/errors.ts";

const packages: Record<string, string> = {
  mkswap: "util-linux",
  swapoff: "mount",
  modprobe: "kmod",
  insmod: "kmod",
  rmmod: "kmod",
};
/** Where a user's PATH may not lead. */
const FOLDERS = "/usr/sbin:/sbin:/usr/bin:/bin";

/**
 * Runs a tool of the system to its end, off the event loop.
 * @param code of the error when it fails; its message is the tool's last line
 * @throws FaasmemError NO_TOOL, or `code`
 */
export async function runTool(command: string[], code: string, fix: string): Promise<void> {
  const name = command[0]!;
  const path = Bun.which(name, { PATH: `${process.env.PATH ?? ""}:${FOLDERS}` });
  if (!path) {
    throw new FaasmemError("NO_TOOL", `${name} is not installed`, {
      fix: `install it (Debian, Ubuntu: apt-get install ${packages[name] ?? name})`,
    });
  }
  const child = Bun.spawn([path, ...command.slice(1)], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const said = (await new Response(child.stderr).text()).trim().split("\n").at(-1)!;
  if ((await child.exited) === 0) return;
  throw new FaasmemError(code, said || `${command.join(" ")} failed`, { fix });
}
