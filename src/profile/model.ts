import { createHash } from "node:crypto";
import type { BarrierCosts } from "./barriers.ts";

/**
 * What the simulator needs of a function beside its summary: which pages one of its sandboxes held and touched, request by
 * request and while it idled, at different paces. Page sets are texts of `encodeRuns` (src/memory/page-runs.ts). Pages are
 * numbered anew: aligned blocks of 64 pages that were ever used, in the order of their addresses; blocks that are not
 * neighbours in the address space are not neighbours here either. Times are milliseconds of real time.
 */
export interface FunctionModel {
  /** Counts up when the meaning changes: older ones must be measured anew. */
  version: number;
  /** Sandboxes that were watched. Their pages have the same numbers where they are in the same place of the same mapping. */
  lives: ModelLife[];
  /** Private anonymous memory that the engine does not manage: stack, written data of the executable. */
  unmanagedBytes: number;
  /**
   * Mapped pages of files: since its start (`whole`), when they were given back (`released`), when one request came after that (`used`),
   * and what a sandbox has of them that gave them back after its first request and then grew up (`early`): its requests want more.
   */
  files: Record<FileState, FileBytes>;
  /** One for each time that it was measured, at least one: when the machine was faster, or slower, or did something else. */
  latencies: ModelLatency[];
  /** What time barriers took in sandboxes under `faasmem`. */
  barriers: BarrierCosts[];
}

export type FileState = "whole" | "released" | "used" | "early";

/** Mapped pages of files in bytes: what every process of this program that runs has, too, and its own. */
export interface FileBytes {
  shared: number;
  own: number;
}

/** What a node adds to a function's own time, measured at the client. */
export interface ModelLatency {
  /** Of a request that starts a sandbox. */
  coldMs: number;
  /** Requests that came alone, by the pause before them; nobody looked at their pages. */
  alone: { gapMs: number; requests: LoneRequest[] }[];
  /** How many times longer the function takes when so many requests run at once; medians. */
  slowdown: { requests: number; factor: number }[];
}

/** What the function took, and what the request took beside it. */
export interface LoneRequest {
  /** `inputKey` of its context. */
  input: string;
  durationMs: number;
  addedMs: number;
}

/** One sandbox from its start on. */
export interface ModelLife {
  /** Resident when the runtime was up, and when the function was loaded. */
  ready: string;
  loaded: string;
  /** In the order in which they ran, the first one first: memory grows from one to the next. */
  steps: ModelStep[];
  /** What was seen in a long pause after the last step. */
  rest: ModelIdle[];
}

/** One request, and the pause before it. */
export interface ModelStep {
  /** Pause before it. */
  gapMs: number;
  /** What was seen in that pause. */
  idle: ModelIdle[];
  durationMs: number;
  cpuMs: number;
  /** Touched by the request. */
  touched: string;
  /** Resident after it. */
  resident: string;
}

/** A look at an idle sandbox. */
export interface ModelIdle {
  /** Since the request's end. */
  afterMs: number;
  /** Touched since the look before. */
  touched: string;
  resident: string;
}

/** Requests after which a sandbox neither grows nor gets faster: later ones are told apart by the pause before them only. */
export const GROWN = 12;

/** Of `FunctionModel.version`. */
export const MODEL_VERSION = 7;

/** Two requests with the same context have the same; 16 hexadecimal digits. */
export const inputKey = (context: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify(context ?? null))
    .digest("hex")
    .slice(0, 16);
