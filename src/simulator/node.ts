import { PAGE_BYTES } from "../base/units.ts";
import type { VirtualClock } from "./clock.ts";

/** What a sandbox holds beside the pages that the engine manages, in bytes. */
export interface FixedMemory {
  /** Stack, written data of the executable. */
  unmanagedBytes: number;
  /** Mapped files that no other process has. */
  ownFileBytes: number;
  /** What of it goes when it is given back, and stays away. */
  coldFileBytes: number;
  /** Mapped files that every process of this program shares. */
  sharedFileBytes: number;
  /** Processes of this program beside the sandboxes. */
  others: number;
}

/** The memory of all sandboxes of a function together, and its integrals over time. */
export class SimulatedNode {
  readonly #clock: VirtualClock;
  readonly #fixed: FixedMemory;
  #localPages = 0;
  #remotePages = 0;
  #sandboxes = 0;
  #released = 0;
  #since = 0;
  #localByteSeconds = 0;
  #remoteByteSeconds = 0;

  constructor(clock: VirtualClock, fixed: FixedMemory) {
    this.#clock = clock;
    this.#fixed = fixed;
  }

  /** So many pages more are local, and remote. */
  shift(local: number, remote: number): void {
    this.#sum();
    this.#localPages += local;
    this.#remotePages += remote;
  }

  started(): void {
    this.#sum();
    this.#sandboxes++;
  }

  /** A sandbox has given pages of files back. */
  releasedFiles(): void {
    this.#sum();
    this.#released++;
  }

  /** @param released had it given pages of files back? */
  ended(released: boolean): void {
    this.#sum();
    this.#sandboxes--;
    if (released) this.#released--;
  }

  #sum(): void {
    const now = this.#clock.now();
    this.#localByteSeconds += this.localBytes * (now - this.#since);
    this.#remoteByteSeconds += this.remoteBytes * (now - this.#since);
    this.#since = now;
  }

  /** Proportional set size of all sandboxes. */
  get localBytes(): number {
    const count = this.#sandboxes;
    const { unmanagedBytes, ownFileBytes, coldFileBytes, sharedFileBytes, others } = this.#fixed;
    const own = ownFileBytes * count - coldFileBytes * this.#released;
    const files = own + (sharedFileBytes * count) / (count + others);
    return this.#localPages * PAGE_BYTES + unmanagedBytes * count + files;
  }

  get remoteBytes(): number {
    return this.#remotePages * PAGE_BYTES;
  }

  get sandboxes(): number {
    return this.#sandboxes;
  }

  /** Integrals since the start, to this moment. */
  integrals(): { localByteSeconds: number; remoteByteSeconds: number } {
    this.#sum();
    return { localByteSeconds: this.#localByteSeconds, remoteByteSeconds: this.#remoteByteSeconds };
  }
}
