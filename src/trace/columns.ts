import type { TraceFunction } from "./trace.ts";

/** Growable columns of one function: numbers, not an object for each of two million rows. */
export class Columns {
  length = 0;
  #arrivals = new Float64Array(16);
  #durations = new Float64Array(16);

  push(arrival: number, duration: number): void {
    if (this.length === this.#arrivals.length) {
      const grow = (values: Float64Array) => {
        const grown = new Float64Array(values.length * 2);
        grown.set(values);
        return grown;
      };
      this.#arrivals = grow(this.#arrivals);
      this.#durations = grow(this.#durations);
    }
    this.#arrivals[this.length] = arrival;
    this.#durations[this.length++] = duration;
  }

  /** Sorted by arrival; equal ones keep their order. */
  finish(id: string): TraceFunction {
    const [arrivals, durations] = [this.#arrivals, this.#durations];
    const order = Uint32Array.from({ length: this.length }, (_, i) => i);
    order.sort((a, b) => arrivals[a]! - arrivals[b]! || a - b);
    return {
      id,
      arrivals: Float64Array.from(order, (i) => arrivals[i]!),
      durations: Float64Array.from(order, (i) => durations[i]!),
    };
  }
}
