/** Who is told how far work has come. */
export type Reporter = Pick<Progress, "begin" | "end">;

/** Shows how far long work has come, on standard error: a bar with the time left, or a line per finished part. */
export class Progress {
  readonly #total: number;
  readonly #quiet: boolean;
  readonly #live = process.stderr.isTTY === true;
  readonly #started = performance.now();
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #done = 0;
  #label = "";

  /** @param total expected seconds of all parts together */
  constructor(total: number, options: { quiet?: boolean } = {}) {
    this.#total = total;
    this.#quiet = options.quiet === true;
    if (this.#live && !this.#quiet) this.#timer = setInterval(() => this.#draw(), 250);
  }

  /** A part begins. */
  begin(label: string): void {
    this.#label = label;
  }

  /** A part of `seconds` has ended. */
  end(seconds: number, note: string): void {
    this.#done += seconds;
    if (this.#quiet) return;
    if (this.#live) process.stderr.write("\r\x1b[K");
    console.error(`${note}   ${formatLeft(this.#left())}`);
  }

  /** For work that counts in other units than seconds. @param seconds of one of them */
  scaled(seconds: number): Reporter {
    return {
      begin: (label) => this.begin(label),
      end: (units, note) => this.end(units * seconds, note),
    };
  }

  /** The work has ended, one way or the other. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#live && !this.#quiet) process.stderr.write("\r\x1b[K");
  }

  /** Seconds left, at the pace so far once a part is done. */
  #left(): number {
    const passed = (performance.now() - this.#started) / 1000;
    const total = this.#done > 0 ? Math.max(passed, (passed * this.#total) / this.#done) : this.#total;
    return Math.max(0, Math.min(total, this.#total * 2) - passed);
  }

  #draw(): void {
    const passed = (performance.now() - this.#started) / 1000;
    const share = Math.min(1, passed / (passed + this.#left() || 1));
    const filled = Math.round(share * 24);
    const bar = "█".repeat(filled) + "░".repeat(24 - filled);
    process.stderr.write(
      `\r\x1b[K${bar} ${Math.round(share * 100)} %  ${this.#label}  ${formatLeft(this.#left())}`,
    );
  }
}

function formatLeft(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} left`;
}
