import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { FdSocketOptions, Socket, Subprocess } from "bun";
import { FaasmemError } from "../base/errors.ts";
import type { Attachment, SandboxSpace } from "./attachment.ts";
import type { SandboxCgroup } from "./cgroup.ts";
import { LogTail } from "./log-tail.ts";
import { memoryUsage } from "./memory-usage.ts";
import { CHANNELS_VARIABLE, type FromHost, LineReader, LineWriter, type ToHost } from "./protocol.ts";

/** As documented; missing in the types of Bun.connect. */
const connect = Bun.connect as unknown as (options: FdSocketOptions) => Promise<Socket>;

/** A start that takes longer counts as failed. */
const START_TIMEOUT_MS = 60_000;

/** What a sandbox is made from. */
export interface SandboxOptions {
  /** Unique name; also that of its folder. */
  name: string;
  /** Private folder of the node; the sandbox's own one is made inside. */
  runFolder: string;
  /** Absolute path of the function host and of the user's bundled module. */
  hostPath: string;
  modulePath: string;
  /** More for the sandbox's environment. */
  environment?: Record<string, string>;
  /** Memory engine's part, or null for an unmanaged sandbox. */
  attachment: Attachment | null;
  /** The memory cgroup that it runs in; null or missing: the one that it is started from. */
  cgroup?: SandboxCgroup | null;
  /** Time barriers: the start goes on when they resolved. */
  onReady?: (space: SandboxSpace | null) => Promise<void>;
  onLoaded?: () => Promise<void>;
}

/** Answer of the function host to one request. */
export interface RunResult {
  result: unknown;
  durationMs: number;
}

/** Why a sandbox ended: on order, or with what was on its log. */
export interface SandboxExit {
  lost: boolean;
  message: string;
}

/** A sandbox as the worker's pool uses it. */
export interface RunningSandbox {
  readonly name: string;
  /** Its memory, or null when it is unmanaged. */
  readonly space: SandboxSpace | null;
  /** Resolves when it has ended. */
  readonly exited: Promise<SandboxExit>;
  /** Local memory in bytes. */
  localBytes(): Promise<number>;
  /** Runs one request; one at a time. */
  run(context: unknown): Promise<RunResult>;
  /** Ends it and everything it started. */
  stop(): Promise<void>;
}

/** One function sandbox: an operating-system process with the function host in it. */
export class Sandbox implements RunningSandbox {
  readonly name: string;
  /** Resolves when the process has ended. */
  readonly exited: Promise<SandboxExit>;
  #space: SandboxSpace | null = null;
  readonly #folder: string;
  readonly #process: Subprocess<"ignore", "pipe", "pipe">;
  /** Requests go into the first, answers come out of the second. */
  #channels: Socket[] = [];
  readonly #log: LogTail;
  readonly #reader = new LineReader();
  #writer: LineWriter | undefined;
  #waiting: { resolve: (message: FromHost) => void; reject: (error: Error) => void } | undefined;
  #lostReason: string | undefined;
  #ended = false;
  #requests = 0;

  private constructor(options: SandboxOptions) {
    this.name = options.name;
    this.#folder = join(options.runFolder, options.name);
    mkdirSync(this.#folder, { mode: 0o700 });
    const attachment = options.attachment;
    const attached = attachment?.childFds ?? [];
    const cgroup = options.cgroup ?? null;
    const command = [process.execPath, "run", "--no-install", options.hostPath];
    this.#process = Bun.spawn([...(cgroup?.enter ?? []), ...command], {
      // As plain Bun the executable reads settings of its working folder: that is the sandbox's own, empty one.
      cwd: this.#folder,
      env: {
        PATH: "/usr/local/bin:/usr/bin:/bin",
        HOME: this.#folder,
        TMPDIR: this.#folder,
        LANG: "C.UTF-8",
        BUN_BE_BUN: "1",
        // It would wake the process every second, and every half minute for ever, and bring memory back: the engine of
        // JavaScript has a timer of its own that runs after work only.
        BUN_GC_TIMER_DISABLE: "1",
        // A collector that works beside the program lets it allocate meanwhile, and how much is luck (ARCHITECTURE.md): grown sandboxes
        // of what allocates much hold some two fifths less heap without.
        BUN_JSC_useConcurrentGC: "0",
        [CHANNELS_VARIABLE]: `${3 + attached.length},${4 + attached.length}`,
        ...options.environment,
        ...attachment?.env,
      },
      stdio: ["ignore", "pipe", "pipe", ...attached, "pipe", "pipe"] as unknown as ["ignore", "pipe", "pipe"],
      // A process group of its own, so that a kill takes its children too.
      detached: true,
    });
    this.#log = new LogTail(this.#process.stdout, this.#process.stderr);
    this.exited = this.#process.exited.then(async () => {
      const exit = this.#onExit();
      await cgroup?.remove();
      return exit;
    });
  }

  /**
   * Starts a sandbox: process, Runtime-Init barrier, user's module, Init-Execution barrier.
   *
   * @throws FaasmemError SANDBOX_START when it ends or says nothing within 60 s, FUNCTION_INIT when the module
   * throws, and what the attachment throws
   */
  static async start(options: SandboxOptions): Promise<Sandbox> {
    let sandbox: Sandbox;
    try {
      sandbox = new Sandbox(options);
    } catch (error) {
      options.attachment?.abandon();
      throw error;
    }
    try {
      await sandbox.#boot(options);
      return sandbox;
    } catch (error) {
      await sandbox.stop();
      throw error;
    }
  }

  async #boot(options: SandboxOptions): Promise<void> {
    const ready = this.#next(START_TIMEOUT_MS);
    ready.catch(() => {});
    if (options.attachment) {
      this.#space = await options.attachment.attach(this.#process.pid);
      this.#space.onLost((reason) => {
        this.#lostReason = reason;
      });
    }
    await this.#connect();
    await ready;
    await options.onReady?.(this.#space);
    this.#send({ init: { module: options.modulePath } });
    const loaded = await this.#next(START_TIMEOUT_MS);
    if ("failed" in loaded) {
      throw new FaasmemError("FUNCTION_INIT", `${this.name}: ${loaded.failed}`, {
        fix: "the function's module level failed: run it with bun to see why",
      });
    }
    await options.onLoaded?.();
  }

  /** The sandbox's memory, or null when it is unmanaged. */
  get space(): SandboxSpace | null {
    return this.#space;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Local memory in bytes: proportional set size plus the page copies that the worker holds for it. */
  async localBytes(): Promise<number> {
    if (this.#ended) return 0;
    return (await memoryUsage(this.#process.pid)) + (this.#space?.stats().copyBytes ?? 0);
  }

  /**
   * Runs one request; one at a time.
   *
   * @throws FaasmemError FUNCTION_ERROR when the handler throws, SANDBOX_LOST when its far memory is gone,
   * SANDBOX_DIED when the process ended
   */
  async run(context: unknown): Promise<RunResult> {
    const id = ++this.#requests;
    this.#send({ id, run: context });
    const answer = await this.#next();
    if ("result" in answer && answer.id === id) return answer;
    const text = "error" in answer ? answer.error : "an unexpected answer";
    throw new FaasmemError("FUNCTION_ERROR", `${this.name}: ${text}`, {
      fix: "the handler threw: check the request's body, then the function",
    });
  }

  /** Ends the process and everything it started. */
  async stop(): Promise<void> {
    this.#kill();
    await this.exited;
  }

  #kill(): void {
    if (this.#ended) return;
    try {
      process.kill(-this.#process.pid, "SIGKILL");
    } catch {
      this.#process.kill("SIGKILL");
    }
  }

  /** Whoever reads `stdio` owns the descriptors in it; from here on the sockets do. */
  async #connect(): Promise<void> {
    const socket = {
      data: (_socket: Socket, chunk: Uint8Array) => this.#received(chunk),
      drain: () => this.#writer?.drain(),
      error: (_socket: Socket, error: Error) => this.#fail(error.message),
    };
    const descriptors = this.#process.stdio.slice(-2) as number[];
    this.#channels = await Promise.all(descriptors.map((fd) => connect({ fd, socket })));
    if (this.#ended) this.#disconnect();
    this.#writer = new LineWriter(this.#channels[0]!);
  }

  #disconnect(): void {
    for (const channel of this.#channels) channel.terminate();
  }

  #received(chunk: Uint8Array): void {
    try {
      for (const line of this.#reader.push(chunk)) {
        const waiting = this.#waiting;
        this.#waiting = undefined;
        waiting?.resolve(JSON.parse(line) as FromHost);
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #send(message: ToHost): void {
    this.#writer?.send(message);
  }

  #next(timeoutMs?: number): Promise<FromHost> {
    if (this.#ended) return Promise.reject(this.#death());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answer = new Promise<FromHost>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (timeoutMs) {
        timer = setTimeout(() => this.#fail(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
      }
    });
    return answer.finally(() => clearTimeout(timer));
  }

  #fail(message: string): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(
      new FaasmemError("SANDBOX_START", `${this.name}: ${message}`, {
        fix: `its last output: ${this.#log.last() || "none"}`,
      }),
    );
    this.#kill();
  }

  #death(): FaasmemError {
    if (this.#lostReason) {
      return new FaasmemError(
        "SANDBOX_LOST",
        `${this.name} was ended: its far memory is gone (${this.#lostReason})`,
        {
          fix: "the request can be sent again: a fresh sandbox answers it",
        },
      );
    }
    const signal = this.#process.signalCode;
    const how = signal ? `by ${signal}` : `with exit code ${this.#process.exitCode}`;
    return new FaasmemError("SANDBOX_DIED", `${this.name} ended ${how}`, {
      fix: `its last output: ${this.#log.last() || "none"}`,
    });
  }

  #onExit(): SandboxExit {
    this.#ended = true;
    this.#disconnect();
    this.#space?.close();
    // What it started goes with it.
    try {
      process.kill(-this.#process.pid, "SIGKILL");
    } catch {
      // no such group any more: nothing was left
    }
    const error = this.#death();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
    rmSync(this.#folder, { recursive: true, force: true });
    return { lost: this.#lostReason !== undefined, message: error.message };
  }
}
