import { readdirSync, readFileSync } from "node:fs";
import type { PageSet } from "../memory/engine.ts";
import type { SandboxSpace } from "../sandbox/attachment.ts";
import type { RunningSandbox } from "../sandbox/sandbox.ts";
import { type FunctionModel, MODEL_VERSION, type ModelIdle, type ModelStep } from "./model.ts";
import { Numbering } from "./numbering.ts";

/** Pauses before requests in milliseconds, and the share of the requests that get each. What a sandbox holds depends on them. */
const PACES: readonly (readonly [gapMs: number, share: number])[] = [
  [0, 0.5],
  [100, 0.2],
  [400, 0.16],
  [1500, 0.1],
  [5000, 0.04],
];
/** When an idle sandbox is looked at, in milliseconds after its last request. */
const LOOKS_MS = [30, 100, 200, 400, 800, 1500, 3000, 5000, 8000, 11_000, 14_000, 20_000];

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

/** Watches a sandbox that runs requests at different paces. */
export class Observer {
  readonly #sandbox: RunningSandbox;
  readonly #space: SandboxSpace;
  readonly #numbering = new Numbering();
  readonly #draw: () => unknown;
  readonly steps: Observed[] = [];
  #lastEnd = 0;

  /** @param draw makes a request's context */
  constructor(sandbox: RunningSandbox, space: SandboxSpace, draw: () => unknown) {
    this.#sandbox = sandbox;
    this.#space = space;
    this.#draw = draw;
  }

  async #look(): Promise<{ look: Look; touched: PageSet }> {
    const afterMs = performance.now() - this.#lastEnd;
    const touched = await this.#space.takeTouched();
    const resident = await this.#space.snapshot();
    const seen = (pages: PageSet) => this.#numbering.see(this.#space.ranges(pages));
    return { look: { afterMs, touched: seen(touched), resident: seen(resident) }, touched };
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
    const context = this.#draw();
    const idle = gapMs > 0 ? await this.#idle(gapMs) : [];
    const before = cpuMs(this.#space.pid);
    const actualGap = this.steps.length > 0 ? performance.now() - this.#lastEnd : 0;
    const { durationMs } = await this.#sandbox.run(context);
    this.#lastEnd = performance.now();
    const cpu = cpuMs(this.#space.pid) - before;
    const { look, touched } = await this.#look();
    const step = { ...look, gapMs: actualGap, idle, durationMs, cpuMs: cpu, touchedPages: touched };
    this.steps.push(step);
    return step;
  }

  /** Requests at all paces, `requests` in all, and a rest. @param onRequest told of each one */
  async paces(requests: number, onRequest: (done: number) => void): Promise<Look[]> {
    for (const [gapMs, share] of PACES) {
      const wanted = Math.max(1, Math.round(requests * share));
      for (let i = 0; i < wanted; i++) {
        await this.request(gapMs);
        onRequest(this.steps.length);
      }
    }
    return this.#idle(LOOKS_MS.at(-1)!);
  }

  /** What one more page costs to touch after a look: the same requests with and without looks before, in milliseconds. */
  async lookMsPerPage(pairs: number): Promise<number> {
    const [after, without]: [number[], number[]] = [[], []];
    let pages = 0;
    for (let i = 0; i < pairs; i++) {
      const context = this.#draw();
      without.push((await this.#sandbox.run(context)).durationMs);
      await this.#space.takeTouched();
      after.push((await this.#sandbox.run(context)).durationMs);
      pages = (await this.#space.touched()).pages;
    }
    const middle = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
    return pages > 0 ? Math.max(0, middle(after) - middle(without)) / pages : 0;
  }

  /**
   * Everything as the simulator takes it.
   * @param others processes of this program that run beside the sandbox: they share its files
   */
  model(
    ready: PageSet,
    loaded: PageSet,
    rest: Look[],
    lookMsPerPage: number,
    others: number,
  ): FunctionModel {
    const text = (pages: PageSet) => this.#numbering.encode(this.#space.ranges(pages));
    for (const pages of [ready, loaded]) this.#numbering.see(this.#space.ranges(pages));
    const idle = ({ afterMs, touched, resident }: Look): ModelIdle => ({
      afterMs,
      touched: this.#numbering.encode(touched),
      resident: this.#numbering.encode(resident),
    });
    const field = rollup(this.#space.pid);
    const managed = rest.at(-1)!.resident.reduce((sum, [start, end]) => sum + end - start, 0) * 4096;
    const [files, filesPss] = [field("Rss") - field("Anonymous"), field("Pss_File")];
    // files = own + shared; its proportional share = own + shared / (1 + others)
    const shared = ((files - filesPss) * (1 + others)) / others;
    return {
      version: MODEL_VERSION,
      ready: text(ready),
      loaded: text(loaded),
      steps: this.steps.map((step): ModelStep => ({
        gapMs: step.gapMs,
        idle: step.idle.map(idle),
        durationMs: step.durationMs,
        cpuMs: step.cpuMs,
        touched: this.#numbering.encode(step.touched),
        resident: this.#numbering.encode(step.resident),
      })),
      rest: rest.map(idle),
      unmanagedBytes: Math.max(0, field("Pss_Anon") - managed),
      sharedFileBytes: Math.min(files, shared),
      ownFileBytes: Math.max(0, files - shared),
      lookMsPerPage,
    };
  }
}
