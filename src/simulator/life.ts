import { decodeRuns, type PageRuns } from "../memory/page-runs.ts";
import type { FunctionModel, ModelIdle, ModelLife } from "../profile/model.ts";

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

/** Requests after which a sandbox's memory does not grow any more: later ones are told apart by their pace only. */
const GROWN = 12;
/** Pauses that differ by less than this behave alike. */
const SHORT_MS = 30;
/** Requests whose situation is nearly as like as the likest one take turns, so that their variety shows. */
const NEARLY = 0.35;

const lookOf = ({ afterMs, touched, resident }: ModelIdle): Idle => ({
  afterMs,
  touched: decodeRuns(touched),
  resident: decodeRuns(resident),
});

/** The lives of a profile. */
export function livesOf(model: FunctionModel): Life[] {
  return model.lives.map((life) => lifeOf(life, model.lookMsPerPage));
}

function lifeOf(life: ModelLife, lookMsPerPage: number): Life {
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
        durationMs: Math.max(0.1, step.durationMs - touched.pages * lookMsPerPage),
        demand: Math.max(0.1, step.cpuMs / step.durationMs),
        touched,
        resident: decodeRuns(step.resident),
        // How it went on after this very request, and later as in the longest pause.
        idle: [...own, ...longest.filter((look) => look.afterMs > last(own) * 1.2)],
      };
    }),
  };
}

/** Goes through a life's requests in the order in which they are most like what happens. */
export class Reliving {
  readonly #life: Life;
  #requests = 0;
  #last = -1;

  /** @param start which of the equally like requests comes first, 0 to 1 */
  constructor(life: Life, start: number) {
    this.#life = life;
    this.#last = Math.floor(start * life.steps.length) - 1;
  }

  /** What the next request does. @param gapMs pause before it; 0 for the first */
  next(gapMs: number): Step {
    const { steps } = this.#life;
    const request = Math.min(this.#requests++, GROWN);
    if (request === 0) return steps[0]!;
    const distances = steps.map((step, i) =>
      i === 0
        ? Number.POSITIVE_INFINITY
        : Math.abs(Math.log((gapMs + SHORT_MS) / (step.gapMs + SHORT_MS))) +
          Math.abs(Math.log((request + 1) / (Math.min(i, GROWN) + 1))),
    );
    const most = Math.min(...distances) + NEARLY;
    for (let ahead = 1; ahead <= steps.length; ahead++) {
      const i = (this.#last + ahead + steps.length) % steps.length;
      if (distances[i]! > most) continue;
      this.#last = i;
      return steps[i]!;
    }
    return steps.at(-1)!;
  }
}
