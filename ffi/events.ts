import type { Pointer } from "bun:ffi";

/** One record of the engine's event descriptor (struct fm_event in ffi/faasmem.h). */
export interface EngineEvent {
  type:
    | "attached"
    | "snapshot"
    | "evicted"
    | "prefetched"
    | "recalled"
    | "lost"
    | "pool-lost"
    | "ended"
    | "touched"
    | "aged"
    | "counted"
    | "files-released";
  space: number;
  /** Number of the operation that ended; 0 when the event answers none. */
  op: number;
  /** 0, or a negative enum fm_status. */
  status: number;
  a: number;
  b: number;
  c: number;
  /** Page set that the receiver now owns. */
  set: Pointer | null;
}

const RECORD_BYTES = 64;
const types = [
  undefined,
  "attached",
  "snapshot",
  "evicted",
  "prefetched",
  "recalled",
  "lost",
  "pool-lost",
  "ended",
  "touched",
  "aged",
  "counted",
  "files-released",
] as const;

/** Decodes one record at `offset`; undefined for a type this version does not know. */
export function decodeEvent(view: DataView, offset: number): EngineEvent | undefined {
  const type = types[view.getUint32(offset, true)];
  if (!type) return undefined;
  const word = (index: number) => Number(view.getBigUint64(offset + 8 * index, true));
  const set = word(6);
  return {
    type,
    space: view.getUint32(offset + 4, true),
    op: word(1),
    status: Number(view.getBigInt64(offset + 16, true)),
    a: word(3),
    b: word(4),
    c: word(5),
    set: set === 0 ? null : (set as Pointer),
  };
}

/** Reads records from the engine's pipe until stopped; `handle` gets them in their order. */
export function readEvents(fd: number, handle: (event: EngineEvent) => void): () => void {
  const reader = Bun.file(fd).stream().getReader();
  let stopped = false;
  let rest = new Uint8Array(0);
  const pump = async () => {
    while (!stopped) {
      const { value, done } = await reader.read();
      if (done || stopped) return;
      let bytes = value;
      if (rest.length > 0) {
        bytes = new Uint8Array(rest.length + value.length);
        bytes.set(rest);
        bytes.set(value, rest.length);
      }
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      let at = 0;
      for (; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
        const event = decodeEvent(view, at);
        if (event) handle(event);
      }
      rest = bytes.slice(at);
    }
  };
  pump().catch((error) => {
    if (!stopped) throw error;
  });
  return () => {
    stopped = true;
    reader.cancel().catch(() => {});
  };
}
