import { basename, extname } from "node:path";
import { FaasmemError } from "../base/errors.ts";

/** Archives by extension and by how they begin, with the command that unpacks them. */
const archives: { extension: string; magic: number[]; command: string }[] = [
  { extension: ".rar", magic: [0x52, 0x61, 0x72, 0x21], command: "unrar x" },
  { extension: ".7z", magic: [0x37, 0x7a, 0xbc, 0xaf], command: "7z x" },
  { extension: ".zip", magic: [0x50, 0x4b, 0x03, 0x04], command: "unzip" },
  { extension: ".gz", magic: [0x1f, 0x8b], command: "gunzip" },
  { extension: ".xz", magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], command: "unxz" },
];

/** @throws FaasmemError NO_SUCH_FILE, ARCHIVED_TRACE */
export async function assertReadable(path: string): Promise<void> {
  const start = await startOf(path);
  const archive = archives.find(
    ({ extension, magic }) =>
      extname(path).toLowerCase() === extension || magic.every((byte, i) => start?.[i] === byte),
  );
  if (archive) {
    throw new FaasmemError("ARCHIVED_TRACE", `${path} is an archive`, {
      fix: `unpack it first: ${archive.command} ${path}`,
      kind: "usage",
    });
  }
  if (start === undefined) {
    throw new FaasmemError("NO_SUCH_FILE", `there is no file ${path} that can be read`, {
      fix: "check the path",
      kind: "usage",
    });
  }
}

/** First bytes of a file; undefined: it cannot be read. */
async function startOf(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Bun.file(path).slice(0, 64).bytes();
  } catch {
    return undefined;
  }
}

/** Schema of a trace's file, by how it begins. */
export async function schemaOf(path: string): Promise<"2021" | "2019" | "tidy"> {
  const start = new TextDecoder().decode(await startOf(path)).trimStart();
  if (start.startsWith("{")) return "tidy";
  return start.startsWith("HashOwner,") ? "2019" : "2021";
}

/** Name of a trace after its file. */
export const nameOf = (path: string): string =>
  basename(path, extname(path))
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-");
