import type { Clock } from "../base/clock.ts";
import { FaasmemError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { OffloadBandwidth } from "../memory/bandwidth.ts";
import { baseline } from "../memory/baseline.ts";
import type { PageSet } from "../memory/engine.ts";
import { guarded } from "../memory/guarded-policy.ts";
import { FunctionHistory, type Learned } from "../memory/history.ts";
import type { Policy, PolicyFactory } from "../memory/policy.ts";
import type { RequestsFirst } from "../memory/requests-first.ts";
import type { PolicySettings } from "../memory/settings.ts";
import type { MemoryEngine } from "../sandbox/attachment.ts";
import type { CgroupFolder } from "../sandbox/cgroup.ts";
import { type RunningSandbox, type RunResult, Sandbox, type SandboxOptions } from "../sandbox/sandbox.ts";
import { type ConfigChanges, changeConfig, type FunctionConfig } from "./function-config.ts";
import type { FunctionSpec } from "./function-spec.ts";
import { noRecall, type RecallCost, recallCost } from "./recall-cost.ts";

/** Sandboxes of one function at a time, unless told otherwise (reference, section 1). */
export const MOST_SANDBOXES = 16;
/** Requests of one function that may wait for a sandbox. */
const MOST_WAITING = 1000;

export type StartKind = "cold" | "warm" | "semi-warm";

/** Answer to one request, with what it cost. */
export interface Invocation extends RunResult, RecallCost {
  start: StartKind;
  /** What it waited for a sandbox, a cold start included, in milliseconds of real time. */
  queuedMs: number;
}

/** What was learned of functions, over restarts. */
export interface LearnedStore {
  load(name: string): Learned | undefined;
  save(name: string, learned: Learned): void;
}

/** What a pool needs of its node. */
export interface PoolContext {
  clock: Clock;
  engine: MemoryEngine | null;
  /** System of new functions, and their settings. */
  system: string;
  policy: PolicyFactory;
  settings: PolicySettings;
  bandwidth: OffloadBandwidth;
  requests: RequestsFirst;
  learned: LearnedStore | null;
  /** Gets one line about what a user should know while it runs. */
  warn: (line: string) => void;
  /** Sandboxes of one function at a time. */
  maxSandboxes: number;
  runFolder: string;
  hostPath: string;
  /** Missing: sandboxes stay in the node's own cgroup. */
  cgroups?: CgroupFolder | null;
  /** Starts a sandbox; default: a process of this machine. */
  start?: (options: SandboxOptions) => Promise<RunningSandbox>;
}

interface Member {
  sandbox: RunningSandbox;
  policy: Policy;
  /** Of its policy. */
  system: string;
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
  readonly #config: FunctionConfig;
  #starting = 0;
  #closed = false;

  constructor(spec: FunctionSpec, context: PoolContext) {
    this.spec = spec;
    this.#context = context;
    const settings = { ...context.settings, fallbackWindow: spec.initWindow };
    this.#config = { system: context.system, policy: context.policy, settings };
    const learned = context.learned?.load(spec.name);
    if (learned) this.#history.load(learned);
  }

  get config(): Readonly<FunctionConfig> {
    return this.#config;
  }

  get history(): FunctionHistory {
    return this.#history;
  }

  /** The sandboxes as `function show` lists them. */
  get members(): {
    name: string;
    system: string;
    idleS: number | null;
    semiWarm: boolean;
    sandbox: RunningSandbox;
  }[] {
    const now = this.#context.clock.now();
    return [...this.#all].map((member) => ({
      name: member.sandbox.name,
      system: member.system,
      idleS: this.#idle.includes(member) ? now - member.idleSince : null,
      semiWarm: member.policy.semiWarm,
      sandbox: member.sandbox,
    }));
  }

  /** Settings apply at once; another system applies to sandboxes that start from now on. */
  configure(changes: ConfigChanges): void {
    changeConfig(this.#config, changes);
    for (const member of this.#all) member.policy.settingsChanged?.();
    for (const member of this.#idle) this.#keepAlive(member);
  }

  /** Keeps what was learned, if there is a store. */
  saveLearned(): void {
    if (this.#history.reuse.samples > 0) this.#context.learned?.save(this.spec.name, this.#history.save());
  }

  /** Sandboxes that exist now. */
  get sandboxes(): RunningSandbox[] {
    return [...this.#all].map((member) => member.sandbox);
  }

  /**
   * Runs one request. A request whose sandbox lost its far memory is run again on a fresh one, once.
   *
   * @throws FaasmemError OVERLOADED, FUNCTION_ERROR, SANDBOX_DIED, SANDBOX_LOST, SANDBOX_START, ...
   */
  async invoke(context: unknown): Promise<Invocation> {
    const { requests } = this.#context;
    requests.requestStarted();
    try {
      return await this.#once(context).catch((error) => {
        if (error instanceof FaasmemError && error.code === "SANDBOX_LOST") return this.#once(context);
        throw error;
      });
    } catch (error) {
      this.counts.errors++;
      throw error;
    } finally {
      requests.requestEnded();
    }
  }

  async #once(context: unknown): Promise<Invocation> {
    const asked = this.#context.clock.realMs();
    const { member, start } = await this.#acquire();
    const queuedMs = this.#context.clock.realMs() - asked;
    const { sandbox, policy } = member;
    const { space } = sandbox;
    const before = space?.stats();
    let recalled: PageSet | null = null;
    this.#history.requestStarted();
    policy.requestStart();
    try {
      const result = await sandbox.run(context);
      if (!space || !before) return { ...result, ...noRecall, start, queuedMs };
      const { cost, pages } = await recallCost(space, before, policy.segments);
      recalled = pages;
      this.#judge(start, result.durationMs, before.remotePages === 0, cost);
      return { ...result, ...cost, start, queuedMs };
    } finally {
      this.#history.requestEnded();
      if (space) policy.requestEnd(recalled ?? space.empty());
      this.#release(member);
    }
  }

  #judge(start: StartKind, durationMs: number, undisturbed: boolean, cost: RecallCost): void {
    this.#history.estimateDuration(durationMs - cost.stallMs);
    if (start === "cold") return;
    if (cost.recalledPages === 0) this.#history.recordDuration(durationMs);
    else this.#history.recordRecalling(cost.recalledPages * PAGE_BYTES, durationMs);
    this.#history.budget.record(durationMs, undisturbed, this.#config.settings.p95Budget);
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
      if (this.#all.size + this.#starting < this.#context.maxSandboxes) {
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
    const {
      clock,
      engine,
      bandwidth,
      requests,
      runFolder,
      hostPath,
      cgroups,
      warn,
      start = Sandbox.start,
    } = this.#context;
    const { system, policy: factory, settings } = this.#config;
    const managed = engine?.poolAlive ? engine : null;
    let policy: Policy = baseline;
    this.#starting++;
    try {
      const environment = (await this.spec.environment?.()) ?? {};
      const name = `${this.spec.name}-${++sandboxNumber}`;
      const sandbox = await start({
        name,
        cgroup: managed ? (cgroups?.make(name) ?? null) : null,
        runFolder,
        hostPath,
        modulePath: this.spec.modulePath,
        environment,
        attachment: managed?.prepare() ?? null,
        onReady: async (space) => {
          if (space) {
            const report = (error: unknown) =>
              warn(
                `the policy of system ${system} failed for a sandbox of ${this.spec.name}: ${error}; it goes on as baseline`,
              );
            policy = guarded(
              factory,
              report,
            )({ memory: space, clock, settings, history: this.#history, bandwidth, requests });
          }
          await policy.ready();
        },
        onLoaded: () => policy.loaded(),
      });
      const member: Member = { sandbox, policy, system, idleSince: clock.now() };
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
      this.#keepAlive(member);
    }
    this.#wakeOne();
  }

  /** Ends an idle sandbox when its time is over. */
  #keepAlive(member: Member): void {
    const { clock } = this.#context;
    member.cancelKeepAlive?.();
    const left = member.idleSince + this.#config.settings.keepAliveS - clock.now();
    member.cancelKeepAlive = clock.after(Math.max(0, left), () => {
      this.#history.recordExpiry();
      this.#retire(member); // before it has ended: a request that came meanwhile would die with it
      return member.sandbox.stop();
    });
  }

  /** No request gets it any more. */
  #retire(member: Member): void {
    const at = this.#idle.indexOf(member);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #remove(member: Member): void {
    member.cancelKeepAlive?.();
    member.policy.close();
    this.#all.delete(member);
    this.#retire(member);
    this.#wakeOne();
  }

  #wakeOne(): void {
    this.#waiting.shift()?.();
  }

  /** Stops every sandbox; waiting requests fail. */
  async close(): Promise<void> {
    this.#closed = true;
    this.saveLearned();
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([...this.#all].map((member) => member.sandbox.stop()));
  }
}

function stopping(): FaasmemError {
  return new FaasmemError("STOPPING", "the worker is stopping", {
    fix: "send the request to another worker",
  });
}
