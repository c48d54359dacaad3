import type { Clock } from "../base/clock.ts";
import { FaasmemError } from "../base/errors.ts";
import { baseline } from "../memory/baseline.ts";
import { FunctionHistory } from "../memory/history.ts";
import type { Policy, PolicyFactory } from "../memory/policy.ts";
import type { PolicySettings } from "../memory/settings.ts";
import type { MemoryEngine } from "../sandbox/attachment.ts";
import { type RunResult, Sandbox } from "../sandbox/sandbox.ts";
import type { FunctionSpec } from "./function-spec.ts";

/** Sandboxes of one function at a time (reference, section 1). */
const MOST_SANDBOXES = 16;
/** Requests of one function that may wait for a sandbox. */
const MOST_WAITING = 1000;

export type StartKind = "cold" | "warm" | "semi-warm";

/** Answer to one request, with what it cost. */
export interface Invocation extends RunResult {
  start: StartKind;
  recalledPages: number;
}

/** What a pool needs of its node. */
export interface PoolContext {
  clock: Clock;
  engine: MemoryEngine | null;
  policy: PolicyFactory;
  settings: PolicySettings;
  runFolder: string;
  hostPath: string;
}

interface Member {
  sandbox: Sandbox;
  policy: Policy;
  cancelKeepAlive?: () => void;
  /** When its last request ended. */
  idleSince: number;
}

/** Counters since the start. */
export interface PoolCounts {
  coldStarts: number;
  warmStarts: number;
  semiWarmStarts: number;
  errors: number;
}

let sandboxNumber = 0;

/** The sandboxes of one function: cold start, LIFO reuse, keep-alive. */
export class FunctionPool {
  readonly spec: FunctionSpec;
  readonly counts: PoolCounts = { coldStarts: 0, warmStarts: 0, semiWarmStarts: 0, errors: 0 };
  readonly #context: PoolContext;
  readonly #idle: Member[] = [];
  readonly #all = new Set<Member>();
  readonly #waiting: (() => void)[] = [];
  readonly #history = new FunctionHistory();
  #starting = 0;
  #closed = false;

  constructor(spec: FunctionSpec, context: PoolContext) {
    this.spec = spec;
    this.#context = context;
  }

  /** Sandboxes that exist now. */
  get sandboxes(): Sandbox[] {
    return [...this.#all].map((member) => member.sandbox);
  }

  /**
   * Runs one request. A request whose sandbox lost its far memory is run again on a fresh one, once.
   *
   * @throws FaasmemError OVERLOADED, FUNCTION_ERROR, SANDBOX_DIED, SANDBOX_LOST, SANDBOX_START, ...
   */
  async invoke(context: unknown): Promise<Invocation> {
    try {
      return await this.#once(context);
    } catch (error) {
      if (!(error instanceof FaasmemError) || error.code !== "SANDBOX_LOST") throw this.#count(error);
    }
    try {
      return await this.#once(context);
    } catch (error) {
      throw this.#count(error);
    }
  }

  #count(error: unknown): unknown {
    this.counts.errors++;
    return error;
  }

  async #once(context: unknown): Promise<Invocation> {
    const { member, start } = await this.#acquire();
    const { sandbox, policy } = member;
    const before = sandbox.space?.stats().recalledPages ?? 0;
    policy.requestStart();
    try {
      const result = await sandbox.run(context);
      const recalledPages = (sandbox.space?.stats().recalledPages ?? 0) - before;
      if (start === "warm" && recalledPages === 0) this.#history.recordDuration(result.durationMs);
      return { ...result, start, recalledPages };
    } finally {
      policy.requestEnd();
      this.#release(member);
    }
  }

  async #acquire(): Promise<{ member: Member; start: StartKind }> {
    for (;;) {
      if (this.#closed) throw stopping();
      const member = this.#idle.pop(); // last in, first out: the others cool undisturbed
      if (member) {
        member.cancelKeepAlive?.();
        this.#history.reuse.record(this.#context.clock.now() - member.idleSince);
        const start = member.policy.semiWarm ? "semi-warm" : "warm";
        this.counts[start === "warm" ? "warmStarts" : "semiWarmStarts"]++;
        return { member, start };
      }
      if (this.#all.size + this.#starting < MOST_SANDBOXES) {
        this.counts.coldStarts++;
        return { member: await this.#start(), start: "cold" };
      }
      if (this.#waiting.length >= MOST_WAITING) {
        throw new FaasmemError(
          "OVERLOADED",
          `${this.spec.name}: ${MOST_WAITING} requests are waiting already`,
          {
            fix: "send requests more slowly, or add a worker",
          },
        );
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async #start(): Promise<Member> {
    const { clock, engine, settings, runFolder, hostPath } = this.#context;
    const managed = engine?.poolAlive ? engine : null;
    let policy: Policy = baseline;
    this.#starting++;
    try {
      const environment = (await this.spec.environment?.()) ?? {};
      const sandbox = await Sandbox.start({
        name: `${this.spec.name}-${++sandboxNumber}`,
        runFolder,
        hostPath,
        modulePath: this.spec.modulePath,
        environment,
        attachment: managed?.prepare() ?? null,
        onReady: async (space) => {
          if (space) {
            policy = this.#context.policy({
              memory: space,
              clock,
              settings: { ...settings, fallbackWindow: this.spec.initWindow },
              history: this.#history,
            });
          }
          await policy.ready();
        },
        onLoaded: () => policy.loaded(),
      });
      const member: Member = { sandbox, policy, idleSince: clock.now() };
      this.#all.add(member);
      sandbox.exited.then(() => this.#remove(member));
      if (this.#closed) {
        await sandbox.stop();
        throw stopping();
      }
      return member;
    } finally {
      this.#starting--;
      this.#wakeOne();
    }
  }

  #release(member: Member): void {
    if (this.#all.has(member)) {
      this.#idle.push(member);
      member.idleSince = this.#context.clock.now();
      const { clock, settings } = this.#context;
      member.cancelKeepAlive = clock.after(settings.keepAliveS, () => member.sandbox.stop());
    }
    this.#wakeOne();
  }

  #remove(member: Member): void {
    member.cancelKeepAlive?.();
    member.policy.close();
    this.#all.delete(member);
    const at = this.#idle.indexOf(member);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#wakeOne();
  }

  #wakeOne(): void {
    this.#waiting.shift()?.();
  }

  /** Stops every sandbox; waiting requests fail. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([...this.#all].map((member) => member.sandbox.stop()));
  }
}

function stopping(): FaasmemError {
  return new FaasmemError("STOPPING", "the worker is stopping", {
    fix: "send the request to another worker",
  });
}
