import { PageRuns } from "../memory/page-runs.ts";
import type { Costs } from "./costs.ts";

/** Pages that one fault brings back, the longest read-ahead, and how many walks are followed (ffi/engine.h). */
const AROUND = 64;
const MOST_AHEAD = 256;
const STREAMS = 4;

/** What bringing pages back did to a request. */
export interface RecallTime {
  /** How long it took in all, in milliseconds. */
  totalMs: number;
  /** Of that, waiting for pages. */
  stallMs: number;
  faults: number;
  /** What faults and their windows brought back, prefetched pages apart. */
  fetched: PageRuns;
}

/** Pages of a set in each block. */
function countByBlock(set: PageRuns): Map<number, number> {
  const counts = new Map<number, number>();
  const { runs } = set;
  for (let i = 0; i < runs.length; i += 2) {
    for (let at = runs[i]!; at < runs[i + 1]!; ) {
      const block = Math.floor(at / AROUND);
      const end = Math.min(runs[i + 1]!, (block + 1) * AROUND);
      counts.set(block, (counts.get(block) ?? 0) + end - at);
      at = end;
    }
  }
  return counts;
}

/**
 * Plays a request on a sandbox whose pages are partly away, by the rules of the engine (ffi/fetch.c): a fault brings the
 * aligned block around it; a walk through blocks in their order is read ahead of; one block comes after the other.
 *
 * @param touched pages in the order in which the request wants them, which is taken to be that of their addresses
 * @param ms how long the request takes with all pages there
 * @param remote pages that are away
 * @param prefetched pages that are being brought back in bulk meanwhile, in the order of their addresses
 * @param demand cores that the request keeps busy
 */
export function playRecall(
  touched: PageRuns,
  ms: number,
  remote: PageRuns,
  prefetched: PageRuns,
  demand: number,
  costs: Costs,
): RecallTime {
  const away = countByBlock(remote);
  const wanted = countByBlock(touched);
  const arrival = new Map<number, number>();
  // Sender, receiver and pager of a bulk restore keep all cores busy: a request beside it gets its share.
  const share = Math.min(1, costs.cores / (costs.cores + demand));
  let bulkMs = 0;
  for (const [block, pages] of countByBlock(prefetched)) {
    bulkMs += (pages * costs.restorePageMs) / share;
    arrival.set(block, bulkMs);
  }
  const left = countByBlock(remote.subtract(prefetched));
  const streams = Array.from({ length: STREAMS }, () => ({ end: -1, ahead: 0 }));
  let nextStream = 0;
  let [now, stallMs, faults, pipeFree] = [0, 0, 0, 0];
  const fetched: number[] = [];
  const msPerPage = ms / Math.max(1, touched.pages);
  const compute = (work: number) => {
    const slow = Math.max(0, Math.min(work, (bulkMs - now) * share));
    now += slow / share + (work - slow);
  };
  const fetch = (block: number, start: number, fixed: number): number => {
    const pages = left.get(block) ?? 0;
    pipeFree = Math.max(start, pipeFree) + fixed + pages * costs.faultPageMs;
    if (pages > 0) fetched.push(block);
    left.delete(block);
    arrival.set(block, Math.min(pipeFree, arrival.get(block) ?? Number.POSITIVE_INFINITY));
    return pipeFree;
  };
  for (const [block, pages] of wanted) {
    if (away.has(block)) {
      const due = arrival.get(block);
      const isOnItsWay = due !== undefined && (due <= now || left.get(block) === undefined);
      if (isOnItsWay && due > now && due - now < costs.faultMs) {
        stallMs += due - now;
        now = due;
      } else if (!isOnItsWay || due > now) {
        // A fault, whether or not the page is on its way in bulk: what comes first counts.
        faults++;
        const back = Math.min(fetch(block, now, costs.faultMs), due ?? Number.POSITIVE_INFINITY);
        stallMs += back - now;
        now = back;
        const stream = streams.find((one) => one.end === block);
        if (stream) {
          stream.ahead = Math.min(MOST_AHEAD / AROUND, stream.ahead ? stream.ahead * 2 : 1);
          stream.end = block + 1 + stream.ahead;
          for (let i = 1; i <= stream.ahead; i++) if (left.has(block + i)) fetch(block + i, now, 0);
        } else {
          streams[nextStream] = { end: block + 1, ahead: 0 };
          nextStream = (nextStream + 1) % STREAMS;
        }
      }
    }
    compute(pages * msPerPage);
  }
  fetched.sort((a, b) => a - b);
  const edges: number[] = [];
  for (const block of fetched) {
    if (edges.at(-1) === block * AROUND) edges[edges.length - 1] = (block + 1) * AROUND;
    else edges.push(block * AROUND, (block + 1) * AROUND);
  }
  const blocks = new PageRuns(Int32Array.from(edges));
  return { totalMs: now, stallMs, faults, fetched: blocks.intersect(remote).subtract(prefetched) };
}
