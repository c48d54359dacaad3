/**
 * The clock that every policy timer and every trace arrival reads. With `scale` s, one real second is s
 * seconds of trace time, so that an hour of trace replays in 3600 / s seconds. Work inside functions is
 * never scaled.
 */
export interface Clock {
  /** Trace seconds that pass in one real second. */
  readonly scale: number;
  /** Seconds of trace time since the clock was made. */
  now(): number;
  /** Milliseconds of real time, from any moment on: for how long things took that no scale makes faster. */
  realMs(): number;
  /** Calls `run` after `seconds` of trace time, never earlier. The returned function cancels it. */
  after(seconds: number, run: () => void): () => void;
  /** Resolves after `seconds` of trace time. */
  sleep(seconds: number): Promise<void>;
}

/** setTimeout takes a signed 32-bit number of milliseconds; longer waits are made of several. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A clock on the machine's monotonic time. `scale` must be positive and finite (checked at the CLI's edge). */
export function createClock(scale = 1): Clock {
  const start = performance.now();
  const after = (seconds: number, run: () => void) => {
    const due = performance.now() + (seconds * 1000) / scale;
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      // Whole milliseconds: a fraction would be cut off, and the timer would be early by so much.
      const left = Math.max(0, Math.ceil(due - performance.now()));
      timer = setTimeout(step, Math.min(left, LONGEST_TIMER_MS));
    };
    const step = () => (performance.now() < due ? wait() : run());
    wait();
    return () => clearTimeout(timer);
  };
  return {
    scale,
    now: () => ((performance.now() - start) / 1000) * scale,
    realMs: () => performance.now(),
    after,
    sleep: (seconds) => new Promise((resolve) => after(seconds, resolve)),
  };
}
