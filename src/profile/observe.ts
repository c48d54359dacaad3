import { readdirSync, readFileSync } from "node:fs";
import type { PageSet } from "../memory/engine.ts";
import type { SandboxSpace } from "../sandbox/attachment.ts";
import type { RunningSandbox } from "../sandbox/sandbox.ts";
import type { FileBytes, FunctionModel, ModelIdle, ModelLife, ModelStep } from "./model.ts";
import type { Numbering } from "./numbering.ts";

/**
 * Pauses before requests in milliseconds, and the share of the requests that get each: what a sandbox holds depends on them.
 * One sandbox begins with requests that come at once after each other, another one with long pauses, and one has a request every now
 * and then: what garbage the collector leaves depends on all the pauses so far.
 */
export type Paces = readonly (readonly [gapMs: number, share: number])[];

export const fastPaces: Paces = [
  [0, 0.5],
  [100, 0.2],
  [400, 0.16],
  [1500, 0.1],
  [5000, 0.04],
];
export const slowPaces: Paces = [
  [20_000, 0.02],
  [5000, 0.04],
  // Until after its heap has grown, which long pauses put off, and before shorter ones make it grow further.
  [1500, 0.14],
  [4000, 0.15],
  [400, 0.1],
  [100, 0.1],
];

/** Many: what requests of a grown sandbox touch differs, and what they touch together grows for dozens of them. */
export const steadyPaces: Paces = [[1500, 0.8]];

/** When an idle sandbox is looked at, in milliseconds after its last request. */
const LOOKS_MS = [30, 100, 200, 400, 800, 1500, 3000, 5000, 8000, 11_000, 14_000, 20_000];
/** After files were given back: what the runtime's timers want of them at once is back by then. */
const RELEASED_MS = 1000;

type Ranges = [number, number][];

interface Look {
  afterMs: number;
  touched: Ranges;
  resident: Ranges;
}

/** One request that was observed. */
export interface Observed extends Look {
  gapMs: number;
  idle: Look[];
  durationMs: number;
  cpuMs: number;
  touchedPages: PageSet;
}

/** Processor time of all threads of a process, in milliseconds (first field of /proc/PID/task/TID/schedstat). */
export function cpuMs(pid: number): number {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      // the thread has ended
    }
  }
  return ns / 1e6;
}

/** Fields of /proc/PID/smaps_rollup in bytes (proc_pid_smaps(5)). */
function rollup(pid: number): (field: string) => number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
}

/** One request at a time, of all sandboxes that are watched: they would slow each other down. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();
  readonly #signal: AbortSignal;

  /** @param signal ends the measurement: no further request runs */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @throws the signal's reason, and what `work` throws */
  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(() => {
      this.#signal.throwIfAborted();
      return work();
    });
    this.#last = done.catch(() => {});
    return done;
  }
}

/** What sandboxes that are watched together share. */
export interface Watch {
  turn: Turn;
  numbering: Numbering;
  /** Makes a request's context. */
  draw: () => unknown;
  /** Whose page numbers count: pages of others are found by their place in mappings. */
  reference: SandboxSpace;
}

/** Watches a sandbox that runs requests at different paces. */
export class Observer {
  readonly #sandbox: RunningSandbox;
  readonly #space: SandboxSpace;
  readonly #watch: Watch;
  readonly steps: Observed[] = [];
  #lastEnd = 0;

  constructor(sandbox: RunningSandbox, space: SandboxSpace, watch: Watch) {
    this.#sandbox = sandbox;
    this.#space = space;
    this.#watch = watch;
  }

  /** A set of this sandbox in the numbers of the reference. */
  async #seen(pages: PageSet): Promise<Ranges> {
    const { reference, numbering } = this.#watch;
    const same =
      this.#space === reference ? pages : await reference.locate(await this.#space.portable(pages));
    return numbering.see(reference.ranges(same));
  }

  async #look(): Promise<{ look: Look; touched: PageSet }> {
    const afterMs = performance.now() - this.#lastEnd;
    const touched = await this.#space.takeTouched();
    const resident = await this.#space.snapshot();
    return {
      look: { afterMs, touched: await this.#seen(touched), resident: await this.#seen(resident) },
      touched,
    };
  }

  /** Lets the sandbox idle until `gapMs` after its last request, looking at it. */
  async #idle(gapMs: number): Promise<Look[]> {
    const looks: Look[] = [];
    for (const at of LOOKS_MS.filter((ms) => ms <= gapMs)) {
      await Bun.sleep(Math.max(0, at - (performance.now() - this.#lastEnd)));
      looks.push((await this.#look()).look);
    }
    await Bun.sleep(Math.max(0, gapMs - (performance.now() - this.#lastEnd)));
    return looks;
  }

  /** Runs one request `gapMs` after the one before. */
  async request(gapMs: number): Promise<Observed> {
    const idle = gapMs > 0 ? await this.#idle(gapMs) : [];
    return this.#watch.turn.take(async () => {
      const context = this.#watch.draw();
      const before = cpuMs(this.#space.pid);
      const actualGap = this.steps.length > 0 ? performance.now() - this.#lastEnd : 0;
      const { durationMs } = await this.#sandbox.run(context);
      this.#lastEnd = performance.now();
      const cpu = cpuMs(this.#space.pid) - before;
      const { look, touched } = await this.#look();
      const step = { ...look, gapMs: actualGap, idle, durationMs, cpuMs: cpu, touchedPages: touched };
      this.steps.push(step);
      return step;
    });
  }

  /** Requests at all paces, about `requests` in all. */
  async run(paces: Paces, requests: number): Promise<void> {
    for (const [gapMs, share] of paces) {
      const wanted = Math.max(1, Math.round(requests * share));
      for (let i = 0; i < wanted; i++) await this.request(gapMs);
    }
  }

  /** A long pause. */
  rest(): Promise<Look[]> {
    return this.#idle(LOOKS_MS.at(-1)!);
  }

  /** Everything as the simulator takes it. @param ready resident at the barriers */
  async life(ready: PageSet, loaded: PageSet, rest: Look[]): Promise<() => ModelLife> {
    const { numbering } = this.#watch;
    const [atReady, atLoaded] = [await this.#seen(ready), await this.#seen(loaded)];
    const idle = ({ afterMs, touched, resident }: Look): ModelIdle => ({
      afterMs,
      touched: numbering.encode(touched),
      resident: numbering.encode(resident),
    });
    return () => ({
      ready: numbering.encode(atReady),
      loaded: numbering.encode(atLoaded),
      steps: this.steps.map(
        (step): ModelStep => ({
          gapMs: step.gapMs,
          idle: step.idle.map(idle),
          durationMs: step.durationMs,
          cpuMs: step.cpuMs,
          touched: numbering.encode(step.touched),
          resident: numbering.encode(step.resident),
        }),
      ),
      rest: rest.map(idle),
    });
  }

  /** What it holds of files: gives them back, and has a request read them again. @param sharers as of `fileBytes` */
  async files(sharers: number): Promise<Pick<FunctionModel["files"], "whole" | "released" | "used">> {
    const whole = this.fileBytes(sharers);
    await this.releaseFiles();
    const released = this.fileBytes(sharers);
    await this.request(0);
    return { whole, released, used: this.fileBytes(sharers) };
  }

  /** Gives its files back; then what the runtime's timers want of them at once is back. */
  async releaseFiles(): Promise<void> {
    await this.#space.releaseFiles();
    await Bun.sleep(RELEASED_MS);
  }

  /** What it holds of private memory that the engine does not manage. */
  async unmanagedBytes(): Promise<number> {
    const managed = (await this.#space.snapshot()).pages * 4096;
    return Math.max(0, rollup(this.#space.pid)("Pss_Anon") - managed);
  }

  /** Mapped now. @param sharers processes of this program that run, this sandbox among them: they share its files */
  fileBytes(sharers: number): FileBytes {
    const field = rollup(this.#space.pid);
    const [files, filesPss] = [field("Rss") - field("Anonymous"), field("Pss_File")];
    // files = own + shared; its proportional share = own + shared / sharers
    const shared = Math.min(files, ((files - filesPss) * sharers) / (sharers - 1));
    return { shared, own: files - shared };
  }
}
