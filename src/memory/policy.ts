import type { Clock } from "../base/clock.ts";
import type { OffloadBandwidth } from "./bandwidth.ts";
import type { PageSet, SandboxMemory } from "./engine.ts";
import type { FunctionHistory } from "./history.ts";
import type { QuietTimes } from "./requests-first.ts";
import type { PolicySettings } from "./settings.ts";

export type { Clock, FunctionHistory, PageSet, PolicySettings, SandboxMemory };

/** Moments at which Puckets close or open again (paper, section 4). */
export type Barrier = "runtime-init" | "init-execution" | "rollback";

/** What a policy decides with and about: one sandbox. */
export interface PolicyContext {
  memory: SandboxMemory;
  clock: Clock;
  /** Of the sandbox's function, as they are now: they may change while the sandbox lives. */
  readonly settings: PolicySettings;
  /** What the sandboxes of this function have taught. */
  history: FunctionHistory;
  /** Shared by all sandboxes of the node. */
  bandwidth: OffloadBandwidth;
  /** The node's requests, before which work of a policy should not go. */
  requests: QuietTimes;
  /** Told what a barrier took, in milliseconds of real time. */
  onBarrier?: ((barrier: Barrier, ms: number) => void) | undefined;
}

/**
 * A memory policy of one sandbox. It is told of the sandbox's life and orders evictions and prefetches; its
 * work is asynchronous and never on a request's path. Only the two barriers are waited for (the sandbox is
 * quiet then anyway).
 */
export interface Policy {
  /** Runtime-Init barrier: the runtime is up, user code not loaded. */
  ready(): Promise<void>;
  /** Init-Execution barrier: user code is loaded, no request yet. */
  loaded(): Promise<void>;
  /** A request is about to run. */
  requestStart(): void;
  /**
   * The request has been answered; the sandbox idles until the next `requestStart`.
   * @param recalled pages that came back from the pool since the last call
   */
  requestEnd(recalled: PageSet): void;
  /** The settings are others now; timers that hang on them may be set anew. */
  settingsChanged?(): void;
  /** The sandbox has ended. */
  close(): void;
  /** True from the first page that semi-warm takes until a request stops it. */
  readonly semiWarm: boolean;
  /** Pages of the two segments that the barriers closed, for "why was it slow"; all others are execution memory. */
  readonly segments?: { runtime: PageSet; init: PageSet } | undefined;
}

/** Makes the policy of a new sandbox. */
export type PolicyFactory = (context: PolicyContext) => Policy;
