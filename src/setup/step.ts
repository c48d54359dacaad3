import type { Change } from "./change.ts";

/** Is it so already? `blocked`: cannot be done here at all, and `fix` says what helps. `waiting`: for a person. */
export type Check =
  | { state: "done" | "todo" | "waiting"; now: string }
  | { state: "blocked"; now: string; fix: string };

/** Writes down a change; to be called before it is made. */
export type Keep = (made: Change) => void;

/** One thing that a setup brings about. Checking changes nothing; applying twice is as good as once. */
export interface Step {
  /** Stable; scripts may match on it. */
  id: string;
  /** What will be so. */
  title: string;
  /** What `apply` does, as one would do it by hand. */
  would: string;
  check(): Promise<Check>;
  apply(keep: Keep): Promise<void>;
}

export const done = (now: string): Check => ({ state: "done", now });
export const todo = (now: string): Check => ({ state: "todo", now });
export const waiting = (now: string): Check => ({ state: "waiting", now });
export const blocked = (now: string, fix: string): Check => ({ state: "blocked", now, fix });
