import type { Tracker } from "../memory/engine.ts";
import type { Capability } from "./capability.ts";
import type { Facts } from "./facts.ts";
import { CAP_SYS_ADMIN, identity } from "./identity.ts";

/** May this machine run a plane, and why (not). */
export interface PlaneVerdict {
  works: boolean;
  reason: string;
}

/** What to use here. */
export interface Recommendation {
  plane: "uffd" | "swap" | null;
  planeReason: string;
  tracker: Tracker | "mglru";
  trackerReason: string;
}

export interface Verdict {
  planes: { uffd: PlaneVerdict; swap: PlaneVerdict };
  recommended: Recommendation;
}

type Find = (id: string) => Capability;

function uffdPlane(find: Find): PlaneVerdict {
  const missing = ["userfaultfd", "uffd-move"].map(find).find((one) => one.state !== "yes");
  if (missing) return { works: false, reason: `${missing.id}: ${missing.detail}` };
  return { works: true, reason: "userfaultfd and UFFDIO_MOVE are there" };
}

function swapPlane(find: Find, mayAdd: boolean): PlaneVerdict {
  const senders = ["process-madvise", "mglru"].map(find).filter((one) => one.state === "yes");
  if (senders.length === 0) return { works: false, reason: "nothing here can send pages to swap" };
  const by = senders.map((one) => one.id).join(", ");
  const swap = find("swap");
  if (swap.state === "yes") return { works: true, reason: `swap is on, sent there by ${by}` };
  if (swap.state === "unknown") return { works: false, reason: `swap: ${swap.detail}` };
  if (swap.state === "no") return { works: false, reason: "the kernel has no swap" };
  if (!mayAdd)
    return { works: false, reason: "no swap is on, and this user or container may not switch it on" };
  const device = find("zram").state === "yes" ? "zram" : "file";
  return {
    works: true,
    reason: `faasmem driver --plane swap --device ${device} sets up swap; sent there by ${by}`,
  };
}

function tracker(
  find: Find,
  plane: "uffd" | "swap" | null,
): Pick<Recommendation, "tracker" | "trackerReason"> {
  if (find("tracker-ebpf").state === "yes") {
    return { tracker: "ebpf", trackerReason: "exact, and it started here" };
  }
  const why = `ebpf: ${find("tracker-ebpf").detail}`;
  // Generations belong to a cgroup, not to pages: only the swap plane can order by them.
  if (plane === "swap" && find("mglru").state === "yes") {
    return { tracker: "mglru", trackerReason: `generations of the kernel's LRU (${why})` };
  }
  if (plane === "swap" && find("mglru").state === "off") {
    return {
      tracker: "refault",
      trackerReason: `what comes back was hot (${why}); mglru is better, once it is on: ${find("mglru").fix}`,
    };
  }
  if (find("page-idle").state === "yes")
    return { tracker: "idle", trackerReason: `idle page bitmap (${why})` };
  return { tracker: "refault", trackerReason: `nothing better works here (${why}): what comes back was hot` };
}

/** The best plane and tracker that these capabilities allow. */
export async function recommend(facts: Facts, capabilities: readonly Capability[]): Promise<Verdict> {
  const find: Find = (id) => capabilities.find((one) => one.id === id)!;
  const mayAdd = await identity(facts).then(
    (user) => user.has(CAP_SYS_ADMIN),
    () => false,
  );
  const planes = { uffd: uffdPlane(find), swap: swapPlane(find, mayAdd) };
  const plane = planes.uffd.works ? "uffd" : planes.swap.works ? "swap" : null;
  const planeReason =
    plane === "uffd"
      ? `exact page sets on a stock kernel: ${planes.uffd.reason}`
      : plane === "swap"
        ? `${planes.swap.reason}; uffd does not work here (${planes.uffd.reason})`
        : `uffd: ${planes.uffd.reason}; swap: ${planes.swap.reason}`;
  return { planes, recommended: { plane, planeReason, ...tracker(find, plane) } };
}
