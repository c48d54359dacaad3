import { PAGE_BYTES } from "../base/units.ts";
import type { FileBytes, FileState } from "../profile/model.ts";
import type { VirtualClock } from "./clock.ts";

/** What a sandbox holds beside the pages that the engine manages, in bytes. */
export interface FixedMemory {
  /** Stack, written data of the executable. */
  unmanagedBytes: number;
  files: Record<FileState, FileBytes>;
  /** Processes of this program beside the sandboxes. */
  others: number;
}

/** What is there after giving back is there after a request, too, and so on to what there is at the start. */
const NESTED: readonly FileState[] = ["whole", "early", "used", "released"];

/** The memory of all sandboxes of a function together, and its integrals over time. */
export class SimulatedNode {
  readonly #clock: VirtualClock;
  readonly #fixed: FixedMemory;
  /** Shared bytes that a state of `NESTED` has beyond the next one. */
  readonly #beyond: number[];
  #localPages = 0;
  #remotePages = 0;
  /** Sandboxes by what they have mapped of files. */
  readonly #count: Record<FileState, number> = { whole: 0, released: 0, used: 0, early: 0 };
  #since = 0;
  #localByteSeconds = 0;
  #remoteByteSeconds = 0;

  constructor(clock: VirtualClock, fixed: FixedMemory) {
    this.#clock = clock;
    this.#fixed = fixed;
    const shared = NESTED.map((state) => fixed.files[state].shared);
    this.#beyond = shared.map((bytes, i) => Math.max(0, bytes - (shared[i + 1] ?? 0)));
  }

  /** So many pages more are local, and remote. */
  shift(local: number, remote: number): void {
    this.#sum();
    this.#localPages += local;
    this.#remotePages += remote;
  }

  started(): void {
    this.#sum();
    this.#count.whole++;
  }

  /** A sandbox has given pages of files back, or read some of them again. */
  filesChanged(from: FileState, to: FileState): void {
    this.#sum();
    this.#count[from]--;
    this.#count[to]++;
  }

  ended(files: FileState): void {
    this.#sum();
    this.#count[files]--;
  }

  #sum(): void {
    const now = this.#clock.now();
    this.#localByteSeconds += this.localBytes * (now - this.#since);
    this.#remoteByteSeconds += this.remoteBytes * (now - this.#since);
    this.#since = now;
  }

  /** Proportional set size of all sandboxes. */
  get localBytes(): number {
    const { unmanagedBytes, files, others } = this.#fixed;
    let [having, bytes] = [0, 0]; // sandboxes that have this state's part
    for (let i = 0; i < NESTED.length; i++) {
      const count = this.#count[NESTED[i]!];
      having += count;
      bytes += count * files[NESTED[i]!].own + (this.#beyond[i]! * having) / (having + others);
    }
    return this.#localPages * PAGE_BYTES + unmanagedBytes * this.sandboxes + bytes;
  }

  get remoteBytes(): number {
    return this.#remotePages * PAGE_BYTES;
  }

  get sandboxes(): number {
    const { whole, early, used, released } = this.#count;
    return whole + early + used + released;
  }

  /** Integrals since the start, to this moment. */
  integrals(): { localByteSeconds: number; remoteByteSeconds: number } {
    this.#sum();
    return { localByteSeconds: this.#localByteSeconds, remoteByteSeconds: this.#remoteByteSeconds };
  }
}
