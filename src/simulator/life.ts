import { median } from "../base/quantile.ts";
import { decodeRuns, type PageRuns } from "../memory/page-runs.ts";
import { type FunctionModel, GROWN, type ModelIdle, type ModelLife } from "../profile/model.ts";
import { paceDistance, SHORT_MS } from "./pace.ts";

/** A look at an idle sandbox (src/profile/model.ts). */
export interface Idle {
  afterMs: number;
  touched: PageRuns;
  resident: PageRuns;
}

/** What one request did in a life that was watched, and what came after it. */
export interface Step {
  gapMs: number;
  /** Without what looks cost. */
  durationMs: number;
  /** Cores that it kept busy. */
  demand: number;
  touched: PageRuns;
  resident: PageRuns;
  /** What happens while the sandbox idles after it. */
  idle: Idle[];
}

/** A life that was watched, for sandboxes to relive. */
export interface Life {
  ready: PageRuns;
  loaded: PageRuns;
  steps: Step[];
}

/** Requests whose situation is nearly as like as the likest one take turns, so that their variety shows. */
const NEARLY = 0.35;

const lookOf = ({ afterMs, touched, resident }: ModelIdle): Idle => ({
  afterMs,
  touched: decodeRuns(touched),
  resident: decodeRuns(resident),
});

/** The lives of a profile. */
export function livesOf(model: FunctionModel): Life[] {
  const lookPageMs = lookCost(model);
  return model.lives.map((life) => lifeOf(life, lookPageMs));
}

/**
 * What the looks cost with which requests were observed, in milliseconds for each page touched: the function without them is
 * known from requests that nobody looked at.
 */
function lookCost({ lives, latencies }: FunctionModel): number {
  const observed = lives.flatMap(({ steps }) => steps.slice(GROWN)).filter(({ gapMs }) => gapMs <= SHORT_MS);
  if (observed.length === 0) return 0;
  const pages = median(observed.map(({ touched }) => decodeRuns(touched).pages));
  const usual = median(latencies[0]!.alone[0]!.requests.map(({ durationMs }) => durationMs));
  return Math.max(0, median(observed.map(({ durationMs }) => durationMs)) - usual) / Math.max(1, pages);
}

function lifeOf(life: ModelLife, lookPageMs: number): Life {
  const pauses = [...life.steps.slice(1).map((step) => step.idle), life.rest].map((looks) =>
    looks.map(lookOf),
  );
  const last = (looks: readonly Idle[]) => looks.at(-1)?.afterMs ?? 0;
  const longest = pauses.reduce((a, b) => (last(b) > last(a) ? b : a));
  return {
    ready: decodeRuns(life.ready),
    loaded: decodeRuns(life.loaded),
    steps: life.steps.map((step, i) => {
      const touched = decodeRuns(step.touched);
      const own = pauses[i]!;
      return {
        gapMs: step.gapMs,
        durationMs: Math.max(0.1, step.durationMs - touched.pages * lookPageMs),
        demand: Math.max(0.1, step.cpuMs / step.durationMs),
        touched,
        resident: decodeRuns(step.resident),
        // How it went on after this very request, and later as in the longest pause.
        idle: [...own, ...longest.filter((look) => look.afterMs > last(own) * 1.2)],
      };
    }),
  };
}

/** How unlike a step's situation is to a request's. @param request 0 for a sandbox's first one */
function unlikeness(step: Step, index: number, request: number, gapMs: number): number {
  if (index === 0) return Number.POSITIVE_INFINITY; // a first request is like no other
  const pace = paceDistance(gapMs, step.gapMs);
  return pace + Math.abs(Math.log((Math.min(request, GROWN) + 1) / (Math.min(index, GROWN) + 1)));
}

/**
 * Goes through observed requests in the order in which they are most like what happens. A sandbox begins with the life that
 * paused longest after its first request; its second request tells which lives its pace is most like, and in one of them it stays.
 */
export class Reliving {
  readonly #lives: readonly Life[];
  readonly #start: number;
  #life: Life;
  #requests = 0;
  #last = 0;

  /** @param start which of the equally like lives it is, and which of the equally like requests comes first, 0 to below 1 */
  constructor(lives: readonly Life[], start: number) {
    this.#lives = lives;
    this.#start = start;
    this.#life = beginning(lives);
  }

  /** Has it had so many requests that the next one is as fast as any? */
  get isGrown(): boolean {
    return this.#requests > GROWN;
  }

  /** What the next request does. @param gapMs pause before it; 0 for the first */
  next(gapMs: number): Step {
    const request = this.#requests++;
    if (request === 0) return this.#life.steps[0]!;
    const distances = ({ steps }: Life) => steps.map((step, i) => unlikeness(step, i, request, gapMs));
    if (request === 1) {
      const least = this.#lives.map((life) => Math.min(...distances(life)));
      const most = Math.min(...least) + NEARLY;
      const alike = this.#lives.filter((_, i) => least[i]! <= most);
      this.#life = alike[Math.floor(this.#start * alike.length)]!;
      this.#last = Math.floor(this.#start * this.#life.steps.length);
    }
    const { steps } = this.#life;
    const all = distances(this.#life);
    const most = Math.min(...all) + NEARLY;
    const ahead = all.findIndex((_, i) => all[(this.#last + 1 + i) % steps.length]! <= most);
    this.#last = (this.#last + 1 + ahead) % steps.length;
    return steps[this.#last]!;
  }
}

/** The life that every sandbox begins with. */
export const beginning = (lives: readonly Life[]): Life =>
  lives.reduce((a, b) => ((b.steps[1]?.gapMs ?? 0) > (a.steps[1]?.gapMs ?? 0) ? b : a));
