import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Subprocess } from "bun";
import { FaasmemError } from "../base/errors.ts";

/** Where administration's programs are; a user's PATH may lack the sbin folders. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** The last lines of a failed program that are worth showing. */
const SAID_BYTES = 300;

/** How a program ended. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

/** What names a file for ever: another one of the same path has other numbers. */
export interface FileIdentity {
  dev: number;
  ino: number;
  size: number;
  regular: boolean;
  /** It belongs to this user, and nobody else may write to it. */
  ours: boolean;
}

/** The machine that is set up: its files and its programs. Tests give one with a root of its own. */
export interface Machine {
  readonly uid: number;
  /** Text of a file, trimmed at its end; null when it cannot be read. */
  read(path: string): string | null;
  exists(path: string): boolean;
  list(path: string): string[];
  /** @throws FaasmemError READ_ONLY, PERMISSION, DISK_FULL, CANNOT_WRITE */
  write(path: string, text: string, mode?: number): void;
  /** A new, empty, private file; never follows or replaces what is there. */
  create(path: string): Pick<FileIdentity, "dev" | "ino">;
  remove(path: string): void;
  identify(path: string): FileIdentity | null;
  /** The path without symbolic links, as the kernel names it. */
  resolve(path: string): string;
  /** `bytes` from `offset` on. */
  peek(path: string, offset: number, bytes: number): string;
  /** Free bytes of the disk that holds this path, or would. */
  free(path: string): number;
  /** Is there such a program? */
  has(program: string): boolean;
  /** Runs a program to its end; `loud` lets it write to this process's standard error. */
  run(command: string[], options?: { loud?: boolean }): Promise<Ended>;
  /** Ends the program that is running, if any, and what it has started. */
  interrupt(): void;
}

/** The nearest folder of this path that exists. */
function existing(path: string): string {
  return existsSync(path) || path === "/" ? path : existing(dirname(path));
}

function writeError(path: string, cause: unknown): FaasmemError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "EROFS" || code === "EACCES" || code === "EPERM") {
    return new FaasmemError("READ_ONLY", `${path} cannot be written: ${code}`, {
      fix: "run it as root on the host itself: in a container, /sys and /proc/sys are read-only",
      cause,
    });
  }
  if (code === "ENOSPC") {
    return new FaasmemError("DISK_FULL", `no room left for ${path}`, { fix: "free some space there", cause });
  }
  return new FaasmemError("CANNOT_WRITE", `${path} cannot be written: ${(cause as Error).message}`, {
    fix: "see why, then run it again; --undo takes back what was done so far",
    cause,
  });
}

/** This machine. @param root folder that stands for `/` in all paths of files */
export function thisMachine(root = "/"): Machine {
  let running: Subprocess | undefined;
  const at = (path: string) => join(root, path);
  const tried = <T>(work: () => T, otherwise: T): T => {
    try {
      return work();
    } catch {
      return otherwise;
    }
  };
  const identify = (path: string): FileIdentity | null =>
    tried(() => {
      const stat = lstatSync(at(path));
      const ours = stat.uid === process.geteuid?.() && (stat.mode & 0o022) === 0;
      return { dev: stat.dev, ino: stat.ino, size: stat.size, regular: stat.isFile(), ours };
    }, null);
  return {
    uid: process.geteuid?.() ?? 0,
    read: (path) => tried(() => readFileSync(at(path), "utf8").trimEnd(), null),
    exists: (path) => existsSync(at(path)),
    list: (path) => tried(() => readdirSync(at(path)), []),
    write: (path, text, mode = 0o644) => {
      try {
        mkdirSync(dirname(at(path)), { recursive: true });
        writeFileSync(at(path), text, { mode });
      } catch (cause) {
        throw writeError(path, cause);
      }
    },
    create: (path) => {
      try {
        mkdirSync(dirname(at(path)), { recursive: true });
        const fd = openSync(at(path), "wx", 0o600);
        try {
          chmodSync(at(path), 0o600);
          const { dev, ino } = fstatSync(fd);
          return { dev, ino };
        } finally {
          closeSync(fd);
        }
      } catch (cause) {
        throw writeError(path, cause);
      }
    },
    remove: (path) => rmSync(at(path), { recursive: true, force: true }),
    identify,
    resolve: (path) => tried(() => realpathSync(path), path),
    peek: (path, offset, bytes) =>
      tried(() => {
        const fd = openSync(at(path), "r");
        try {
          const buffer = Buffer.alloc(bytes);
          return buffer.subarray(0, readSync(fd, buffer, 0, bytes, offset)).toString("latin1");
        } finally {
          closeSync(fd);
        }
      }, ""),
    free: (path) => {
      const { bavail, bsize } = statfsSync(existing(at(path)));
      return bavail * bsize;
    },
    has: (program) => PATH.split(":").some((folder) => existsSync(at(join(folder, program)))),
    run: (command, options) =>
      runProgram(command, options?.loud === true, (child) => {
        running = child;
      }),
    // With all that it has started: a compiler that goes on would meet the next one in the same tree.
    interrupt: () => {
      if (running?.exitCode === null) tried(() => process.kill(-running!.pid, "SIGTERM"), true);
    },
  };
}

/** Of this process's environment, what programs of a setup may need: the network's way out, a compiler cache. */
function passedOn(): Record<string, string> {
  const names = ["CCACHE_DIR", "http_proxy", "https_proxy", "no_proxy"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

async function runProgram(
  command: string[],
  loud: boolean,
  started: (child: Subprocess) => void,
): Promise<Ended> {
  try {
    const child = Bun.spawn(command, {
      detached: true, // a process group, to be ended as a whole
      stdin: "ignore",
      stdout: "pipe",
      stderr: loud ? "inherit" : "pipe",
      env: { PATH, HOME: "/root", LANG: "C.UTF-8", DEBIAN_FRONTEND: "noninteractive", ...passedOn() },
    });
    started(child);
    const said = loud ? shown(child.stdout) : new Response(child.stdout).text();
    const [out, err] = await Promise.all([said, child.stderr ? new Response(child.stderr).text() : ""]);
    return { code: await child.exited, out, err };
  } catch (error) {
    return { code: 127, out: "", err: (error as Error).message };
  }
}

/** Passes on to standard error: standard output is for results. */
async function shown(stream: ReadableStream<Uint8Array>): Promise<string> {
  for await (const chunk of stream) process.stderr.write(chunk);
  return "";
}

/** Runs a program that has to succeed. @throws FaasmemError COMMAND_FAILED */
export async function must(machine: Machine, command: string[], fix: string, loud = false): Promise<string> {
  const { code, out, err } = await machine.run(command, { loud });
  if (code === 0) return out;
  const said = (err.trim() || out.trim()).slice(-SAID_BYTES).replaceAll("\n", "; ");
  throw new FaasmemError("COMMAND_FAILED", `${command.join(" ")}: ${said || `exit code ${code}`}`, { fix });
}

/** Is something mounted right there? */
export function isMounted(machine: Machine, path: string): boolean {
  return (machine.read("/proc/self/mounts") ?? "").split("\n").some((line) => line.split(" ")[1] === path);
}
