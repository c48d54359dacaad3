import { none, type PageRuns } from "../memory/page-runs.ts";
import { type FileState, inputKey } from "../profile/model.ts";
import type { RunningSandbox, RunResult, SandboxExit, SandboxOptions } from "../sandbox/sandbox.ts";
import type { VirtualClock } from "./clock.ts";
import type { Cores } from "./cores.ts";
import type { Costs } from "./costs.ts";
import { playRecall } from "./faults.ts";
import type { Latency } from "./latency.ts";
import { beginning, type Idle, type Life, Reliving } from "./life.ts";
import type { SimulatedNode } from "./node.ts";
import { SimulatedSpace } from "./space.ts";

/** An idle sandbox goes on touching what it touched last, at least every so many real milliseconds (its timers). */
const IDLE_PERIOD_MS = 10_000;

/** How long the stages of a start take, in milliseconds. */
export interface StartTimes {
  launchMs: number;
  initMs: number;
}

/** What simulated sandboxes of one function have in common. */
export interface SandboxWorld {
  clock: VirtualClock;
  cores: Cores;
  costs: Costs;
  node: SimulatedNode;
  latency: Latency;
  times: StartTimes;
  /** Is its memory managed? If not, no policy sees it. */
  managed: boolean;
}

/** A sandbox without a process: it relives what a real one did. */
export class SimulatedSandbox implements RunningSandbox {
  readonly name: string;
  readonly exited: Promise<SandboxExit>;
  readonly space: SimulatedSpace | null;
  readonly #space: SimulatedSpace;
  readonly #world: SandboxWorld;
  readonly #reliving: Reliving;
  #end!: (exit: SandboxExit) => void;
  #ended = false;
  #files: FileState = "whole";
  /** A worker measures the memory of sandboxes that have started. */
  #counts = false;
  #idleSinceMs = 0;
  #cancelIdle = () => {};

  private constructor(name: string, world: SandboxWorld, lives: readonly Life[], start: number) {
    this.name = name;
    this.#world = world;
    this.#reliving = new Reliving(lives, start);
    const onChange = (local: number, remote: number) => {
      if (this.#counts) world.node.shift(local, remote);
    };
    const onRelease = () => this.#setFiles("released");
    this.#space = new SimulatedSpace(world.clock, world.cores, world.costs, onChange, onRelease);
    this.space = world.managed ? this.#space : null;
    this.exited = new Promise((end) => {
      this.#end = end;
    });
  }

  /**
   * Starts one, as Sandbox.start does.
   * @param start where among equally like requests it begins, 0 to 1
   */
  static async start(
    options: SandboxOptions,
    world: SandboxWorld,
    lives: readonly Life[],
    start: number,
  ): Promise<SimulatedSandbox> {
    const sandbox = new SimulatedSandbox(options.name, world, lives, start);
    const life = beginning(lives);
    const { cores, times } = world;
    await cores.work(times.launchMs);
    sandbox.#space.hold(life.ready);
    await options.onReady?.(sandbox.space);
    await cores.work(times.initMs);
    sandbox.#space.hold(life.loaded);
    await options.onLoaded?.();
    sandbox.#counts = true;
    world.node.started();
    world.node.shift(life.loaded.pages - sandbox.#space.remote.pages, sandbox.#space.remote.pages);
    return sandbox;
  }

  async localBytes(): Promise<number> {
    return 0; // the node sums up by itself (node.ts)
  }

  #setFiles(files: FileState): void {
    this.#world.node.filesChanged(this.#files, files);
    this.#files = files;
  }

  async run(context: unknown): Promise<RunResult> {
    const { clock, cores, costs, latency } = this.#world;
    const startedMs = clock.realMs();
    if (this.#files === "released") this.#setFiles(this.#reliving.isGrown ? "used" : "early");
    this.#cancelIdle();
    const gapMs = this.#idleSinceMs > 0 ? startedMs - this.#idleSinceMs : 0;
    const step = this.#reliving.next(gapMs);
    const functionMs = this.#reliving.isGrown
      ? latency.functionMs(gapMs, inputKey(context))
      : step.durationMs;
    const space = this.#space;
    const looked = space.takeLooked();
    const fresh = space.takeFresh(step.touched);
    const needed = space.missing(step.touched);
    await new Promise<void>((resolve) => clock.afterMs(0, resolve)); // the policy's prefetch is ordered by now
    const prefetch = space.takePrefetch();
    const bulk = prefetch?.pages ?? none;
    const first = looked ? step.touched.pages : fresh + bulk.intersect(step.touched).pages;
    let ms = functionMs + first * costs.lookPageMs;
    if (needed.pages > 0) {
      const recall = playRecall(step.touched, ms, space.remote, bulk, step.demand, costs);
      space.recall(recall.fetched, recall.faults, recall.stallMs);
      ms = recall.totalMs;
    }
    if (prefetch) this.#bulk(prefetch, step.demand);
    space.takeFresh(step.touched);
    space.touch(step.touched);
    await cores.work(ms);
    if (this.#ended) throw new Error("the sandbox has ended");
    space.hold(step.resident);
    this.#idleSinceMs = clock.realMs();
    this.#idle(step.idle, 0);
    return { result: null, durationMs: this.#idleSinceMs - startedMs };
  }

  /** A bulk restore beside a request: all of its pages count as back from its beginning on. */
  #bulk(prefetch: { pages: PageRuns; end: () => void }, demand: number): void {
    const { clock, costs } = this.#world;
    const share = Math.min(1, costs.cores / (costs.cores + demand));
    this.#space.recallInBulk(prefetch.pages);
    clock.afterMs((prefetch.pages.pages * costs.restorePageMs) / share, prefetch.end);
  }

  /** What the program does by itself while it waits: timers, garbage collection, giving memory back. */
  #idle(looks: readonly Idle[], at: number): void {
    const { clock } = this.#world;
    const last = looks.at(-1);
    if (!last) return;
    const look = looks[at] ?? { ...last, afterMs: last.afterMs + (at - looks.length + 1) * IDLE_PERIOD_MS };
    const wait = this.#idleSinceMs + look.afterMs - clock.realMs();
    this.#cancelIdle = clock.afterMs(wait, () => {
      const space = this.#space;
      space.hold(look.resident);
      if (space.missing(look.touched).pages > 0) {
        const { costs } = this.#world;
        const { fetched, faults, stallMs } = playRecall(look.touched, 0, space.remote, none, 1, costs);
        space.recall(fetched, faults, stallMs);
      }
      space.touch(look.touched);
      this.#idle(looks, at + 1);
    });
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelIdle();
    this.#space.close();
    this.#world.node.ended(this.#files);
    this.#end({ lost: false, message: `${this.name} was stopped` });
  }
}
