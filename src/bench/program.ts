import { closeSync } from "node:fs";
import type { Subprocess } from "bun";
import { z } from "zod";
import { sealedFile } from "../../ffi/load.ts";
import { assets } from "../assets.ts";
import { FaasmemError } from "../base/errors.ts";
import type { Attachment, MemoryEngine, SandboxSpace } from "../sandbox/attachment.ts";

/** Descriptors of an attachment, which may be absent, and the first one after them. */
const AGENT_FDS = [3, 4];
const PROGRAM_FD = 5;

/** A child process that answers each line of input with a line of JSON. */
export class BenchProgram {
  readonly pid: number;
  space: SandboxSpace | null = null;
  readonly #child: Subprocess<"pipe", "pipe", "pipe">;
  readonly #reader;
  readonly #errors: Promise<string>;
  readonly #decoder = new TextDecoder();
  #rest = "";

  private constructor(child: Subprocess<"pipe", "pipe", "pipe">) {
    this.pid = child.pid;
    this.#child = child;
    this.#reader = child.stdout.getReader();
    this.#errors = new Response(child.stderr).text();
  }

  /** Starts the measuring program (ffi/bench/) with these words; under `engine` when one is given. */
  static async start(words: string[], engine: MemoryEngine | null): Promise<BenchProgram> {
    const file = sealedFile("faasmem-bench", await Bun.file(assets.bench).bytes());
    try {
      return await BenchProgram.run([`/proc/self/fd/${PROGRAM_FD}`, ...words], engine, file);
    } finally {
      closeSync(file);
    }
  }

  /** Starts any program that speaks the same way. */
  static async run(command: string[], engine: MemoryEngine | null, file?: number): Promise<BenchProgram> {
    const attachment: Attachment | null = engine?.prepare() ?? null;
    const child = Bun.spawn(command, {
      stdio: [
        "pipe",
        "pipe",
        "pipe",
        ...AGENT_FDS.map((_, i) => attachment?.childFds[i] ?? "ignore"),
        file ?? "ignore",
      ] as unknown as ["pipe", "pipe", "pipe"],
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LANG: "C.UTF-8", ...attachment?.env },
    });
    const program = new BenchProgram(child);
    try {
      if (attachment) program.space = await attachment.attach(child.pid);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
    return program;
  }

  /** Its next line, checked. `line` is written to it first, when there is one. */
  async ask<T>(schema: z.ZodType<T>, line?: string): Promise<T> {
    if (line !== undefined) {
      this.#child.stdin.write(`${line}\n`);
      this.#child.stdin.flush();
    }
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) {
        throw new FaasmemError(
          "BENCH_PROGRAM",
          `the measuring program ended: ${(await this.#errors).trim() || "no output"}`,
          { fix: "free memory on this machine (the benchmark needs about 1 GiB), then run it again" },
        );
      }
      this.#rest += this.#decoder.decode(value);
    }
    const end = this.#rest.indexOf("\n");
    const text = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return schema.parse(JSON.parse(text));
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.space?.close();
  }
}

export const ready = z.object({ ready: z.literal(true) });
