import type { TraceFunction } from "./trace.ts";

export interface KeepAliveOptions {
  /** Idle seconds after which a container ends. */
  keepAliveS: number;
  /** How much longer a request holds a container than the trace says. */
  executionScale: number;
}

/** The reference's: its semi-warm delays come of them. */
export const referenceKeepAlive: KeepAliveOptions = { keepAliveS: 600, executionScale: 1.2 };

/** Semi-warm never begins before (reference, section 1). */
export const SEMI_WARM_FLOOR_S = 60;

const FIRST = 1024;

/** The same values in twice the room. */
function doubled<T extends Float64Array | Int32Array>(values: T): T {
  const grown = new (values.constructor as new (length: number) => T)(values.length * 2);
  grown.set(values as never);
  return grown;
}

/**
 * What one function's containers do under keep-alive, without any limit of their number: they are reused last in, first
 * out (reference, section 5). Arrivals are told one after the other and not kept. Idle times up to the floor are not kept
 * either: semi-warm begins after it, so they are no part of any answer. Everything is in typed arrays, which stay for
 * the next function.
 */
export class KeepAlive {
  arrivals = 0;
  /** Containers started, which are the cold starts. */
  containers = 0;

  readonly #options: KeepAliveOptions;
  readonly #floorS: number;
  // Containers that run a request, a ring by the time they become free.
  #busyFree = new Float64Array(FIRST);
  #busyId = new Int32Array(FIRST);
  #busyFrom = 0;
  #busy = 0;
  // Idle ones, a stack by the time they became it; what is below #idleFrom has ended.
  #idleFree = new Float64Array(FIRST);
  #idleId = new Int32Array(FIRST);
  #idleFrom = 0;
  #idleTo = 0;
  // By container: its life, and the last of its idle times above the floor, each of which names the one before.
  #startedAt = new Float64Array(FIRST);
  #endedAt = new Float64Array(FIRST);
  #lastLong = new Int32Array(FIRST);
  #long = new Float64Array(FIRST);
  #longBefore = new Int32Array(FIRST);
  #longs = 0;

  constructor(options: KeepAliveOptions = referenceKeepAlive, floorS = SEMI_WARM_FLOOR_S) {
    this.#options = options;
    this.#floorS = floorS;
  }

  /** Begins with another function. */
  reset(): void {
    this.arrivals = this.containers = this.#longs = 0;
    this.#busyFrom = this.#busy = this.#idleFrom = this.#idleTo = 0;
  }

  /** A request arrives. @param now seconds, not before the last one's @param durationS of the trace */
  arrive(now: number, durationS: number): void {
    this.#settle(now);
    this.arrivals++;
    this.#startRequest(now, now + durationS * this.#options.executionScale);
  }

  /**
   * Many requests at once in an interval in which at most `peak` ran at a time: `peak` containers are in use together from `now`
   * on, the rest of the requests found one of them. They are free after `heldS` seconds, before the next call's `now`.
   */
  arriveTogether(now: number, requests: number, peak: number, heldS: number): void {
    this.#settle(now);
    this.arrivals += requests;
    for (let i = 0; i < peak; i++) this.#startRequest(now, now + heldS);
  }

  /** No more arrivals: every container ends after its keep-alive. */
  finish(): void {
    this.#settle(Number.POSITIVE_INFINITY);
  }

  /** The delay after which semi-warm begins: this percentile of the reuse intervals, and at least the floor. */
  delayS(percentile: number): number {
    const reuses = this.arrivals - this.containers;
    const place = Math.min(reuses - 1, Math.max(0, Math.ceil((percentile / 100) * reuses) - 1));
    const short = reuses - this.#longs;
    if (place < short) return this.#floorS;
    return this.#long.slice(0, this.#longs).sort()[place - short] ?? this.#floorS;
  }

  /** Life in seconds and its semi-warm share of each container, in the order of their starts. After `finish`. */
  forEachContainer(delayS: number, visit: (lifetimeS: number, semiWarmShare: number) => void): void {
    for (let id = 0; id < this.containers; id++) {
      // The last idle time of all is the keep-alive.
      let semiWarm = Math.max(0, this.#options.keepAliveS - delayS);
      for (let at = this.#lastLong[id]!; at >= 0; at = this.#longBefore[at]!)
        semiWarm += Math.max(0, this.#long[at]! - delayS);
      const lifetime = this.#endedAt[id]! - this.#startedAt[id]!;
      visit(lifetime, semiWarm / lifetime);
    }
  }

  #settle(now: number): void {
    while (this.#busy > 0 && this.#busyFree[this.#busyFrom]! <= now) {
      if (this.#idleTo === this.#idleFree.length) this.#growIdle();
      this.#idleFree[this.#idleTo] = this.#busyFree[this.#busyFrom]!;
      this.#idleId[this.#idleTo++] = this.#busyId[this.#busyFrom]!;
      this.#busyFrom = (this.#busyFrom + 1) & (this.#busyFree.length - 1);
      this.#busy--;
    }
    const { keepAliveS } = this.#options;
    for (; this.#idleFrom < this.#idleTo; this.#idleFrom++) {
      const free = this.#idleFree[this.#idleFrom]!;
      if (now - free <= keepAliveS) break;
      this.#endedAt[this.#idleId[this.#idleFrom]!] = free + keepAliveS;
    }
  }

  #startRequest(now: number, freeAt: number): void {
    let id: number;
    if (this.#idleTo > this.#idleFrom) {
      id = this.#idleId[--this.#idleTo]!;
      const idle = now - this.#idleFree[this.#idleTo]!;
      if (idle > this.#floorS) {
        if (this.#longs === this.#long.length) {
          this.#long = doubled(this.#long);
          this.#longBefore = doubled(this.#longBefore);
        }
        this.#long[this.#longs] = idle;
        this.#longBefore[this.#longs] = this.#lastLong[id]!;
        this.#lastLong[id] = this.#longs++;
      }
    } else {
      this.#idleFrom = this.#idleTo = 0;
      id = this.containers++;
      if (id === this.#startedAt.length) {
        this.#startedAt = doubled(this.#startedAt);
        this.#endedAt = doubled(this.#endedAt);
        this.#lastLong = doubled(this.#lastLong);
      }
      this.#startedAt[id] = now;
      this.#lastLong[id] = -1;
    }
    if (this.#busy === this.#busyFree.length) this.#growBusy();
    // Most become free after all that are busy already; a short one moves before the long ones.
    const mask = this.#busyFree.length - 1;
    let place = (this.#busyFrom + this.#busy) & mask;
    for (let left = this.#busy++; left > 0; left--) {
      const before = (place - 1) & mask;
      if (this.#busyFree[before]! <= freeAt) break;
      this.#busyFree[place] = this.#busyFree[before]!;
      this.#busyId[place] = this.#busyId[before]!;
      place = before;
    }
    this.#busyFree[place] = freeAt;
    this.#busyId[place] = id;
  }

  #growIdle(): void {
    if (this.#idleFrom * 2 > this.#idleTo) {
      this.#idleFree.copyWithin(0, this.#idleFrom, this.#idleTo);
      this.#idleId.copyWithin(0, this.#idleFrom, this.#idleTo);
      this.#idleTo -= this.#idleFrom;
      this.#idleFrom = 0;
      return;
    }
    this.#idleFree = doubled(this.#idleFree);
    this.#idleId = doubled(this.#idleId);
  }

  #growBusy(): void {
    // The ring begins at 0 again, so that it goes on behind its old end.
    const turn = <T extends Float64Array | Int32Array>(values: T): T => {
      const turned = values.slice() as T;
      turned.set(values.subarray(this.#busyFrom) as never);
      turned.set(values.subarray(0, this.#busyFrom) as never, values.length - this.#busyFrom);
      return doubled(turned);
    };
    this.#busyFree = turn(this.#busyFree);
    this.#busyId = turn(this.#busyId);
    this.#busyFrom = 0;
  }
}

/** Plays all arrivals of a function. */
export function playKeepAlive(
  fn: TraceFunction,
  options: KeepAliveOptions = referenceKeepAlive,
  floorS = SEMI_WARM_FLOOR_S,
): KeepAlive {
  const played = new KeepAlive(options, floorS);
  playInto(played, fn);
  return played;
}

/** The same into one that was used before. */
export function playInto(into: KeepAlive, { arrivals, durations }: TraceFunction): void {
  into.reset();
  for (let i = 0; i < arrivals.length; i++) into.arrive(arrivals[i]!, durations[i]!);
  into.finish();
}
