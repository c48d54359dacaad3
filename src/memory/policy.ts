import type { Clock } from "../base/clock.ts";
import type { SandboxMemory } from "./engine.ts";
import type { FunctionHistory } from "./history.ts";
import type { PolicySettings } from "./settings.ts";

/** What a policy decides with and about: one sandbox. */
export interface PolicyContext {
  memory: SandboxMemory;
  clock: Clock;
  settings: PolicySettings;
  /** Of the sandbox's function. */
  history: FunctionHistory;
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
  /** The request's answer is out; the sandbox idles until the next `requestStart`. */
  requestEnd(): void;
  /** The sandbox has ended. */
  close(): void;
  /** True from the first page that semi-warm takes until a request stops it. */
  readonly semiWarm: boolean;
}

/** Makes the policy of a new sandbox. */
export type PolicyFactory = (context: PolicyContext) => Policy;
