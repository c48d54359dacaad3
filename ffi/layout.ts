import type { PortablePages } from "../src/memory/engine.ts";

/** A mapping of a process by page numbers, with a name that the same mapping of a like process has too. */
export interface Mapping {
  name: string;
  start: number;
  end: number;
}

const PAGE_BYTES = 4096;
/** More would not be worth keeping: so many stretches are no working set any more. */
const MOST_RUNS = 20_000;

/**
 * The private anonymous mappings of /proc/PID/maps (proc_pid_maps(5)). Neighbours count as one, because the engine's
 * registration splits mappings. A mapping is named by its label, its size and its place among those like it: addresses
 * are random, but a program asks for the same mappings each time.
 */
export function mappingsOf(maps: string): Mapping[] {
  const joined: { label: string; start: number; end: number }[] = [];
  for (const line of maps.split("\n")) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0\s*(.*)$/.exec(line);
    if (!match) continue;
    const [start, end] = [match[1]!, match[2]!].map((hex) => Number.parseInt(hex, 16) / PAGE_BYTES);
    const last = joined.at(-1);
    if (last && last.end === start && last.label === match[3]) last.end = end!;
    else joined.push({ label: match[3]!, start: start!, end: end! });
  }
  const seen = new Map<string, number>();
  return joined.map(({ label, start, end }) => {
    const kind = `${label}/${end - start}`;
    const place = seen.get(kind) ?? 0;
    seen.set(kind, place + 1);
    return { name: `${kind}/${place}`, start, end };
  });
}

/** Page ranges of one process as places in its mappings. @param ranges [start, end), ascending */
export function toPortable(ranges: readonly [number, number][], mappings: readonly Mapping[]): PortablePages {
  const portable: PortablePages = [];
  let runs = 0;
  let next = 0;
  for (const { name, start, end } of mappings) {
    const found: [number, number][] = [];
    while (next < ranges.length && ranges[next]![1] <= start) next++;
    for (let i = next; i < ranges.length && ranges[i]![0] < end && runs < MOST_RUNS; i++, runs++) {
      const from = Math.max(start, ranges[i]![0]);
      found.push([from - start, Math.min(end, ranges[i]![1]) - from]);
    }
    if (found.length > 0) portable.push({ mapping: name, runs: found });
  }
  return portable;
}

/** The page ranges that these places are in another process: those of mappings that it has too. */
export function fromPortable(portable: PortablePages, mappings: readonly Mapping[]): [number, number][] {
  const byName = new Map(mappings.map((mapping) => [mapping.name, mapping]));
  return portable
    .flatMap(({ mapping, runs }) => {
      const place = byName.get(mapping);
      if (!place) return [];
      return runs.map(([offset, pages]): [number, number] => [
        Math.min(place.end, place.start + offset),
        Math.min(place.end, place.start + offset + pages),
      ]);
    })
    .toSorted(([a], [b]) => a - b);
}
