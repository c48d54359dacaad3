import type { Subprocess } from "bun";
import type { Attachment } from "../src/sandbox/attachment.ts";

/** A program that answers each line of input with a line. */
export class LineProgram {
  readonly child: Subprocess<"pipe", "pipe", "inherit">;
  readonly #reader;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(command: string[], attachment: Attachment | null) {
    this.child = Bun.spawn(command, {
      stdio: ["pipe", "pipe", "inherit", ...(attachment?.childFds ?? [])] as ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...attachment?.env },
    });
    this.#reader = this.child.stdout.getReader();
  }

  get pid(): number {
    return this.child.pid;
  }

  write(line: string): void {
    this.child.stdin.write(`${line}\n`);
    this.child.stdin.flush();
  }

  async read(): Promise<string> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`the program ended with ${this.child.exitCode} ${this.child.signalCode}`);
      this.#rest += this.#decoder.decode(value);
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  ask(line: string): Promise<string> {
    this.write(line);
    return this.read();
  }

  async stop(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }
}
