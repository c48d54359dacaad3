import type { FunctionProfile, Spread } from "../profile/profile.ts";
import { formatTable } from "./table.ts";

const mib = (bytes: number) => (bytes / 1024 ** 2).toFixed(1);
const pages = (spread: Spread) =>
  `${mib(spread.min * 4096)} / ${mib(spread.median * 4096)} / ${mib(spread.max * 4096)}`;

/** Profiles as a table: memory in MiB, times in milliseconds; touched as smallest / median / largest over the requests. */
export function profileTable(profiles: readonly FunctionProfile[]): string {
  const sum = ({ segments }: FunctionProfile, of: "min" | "median" | "max") =>
    Object.values(segments).reduce((total, segment) => total + segment.touched[of], 0);
  return formatTable(
    [
      "function",
      "launch",
      "init",
      "first request",
      "runtime Pucket",
      "Init Pucket",
      "execution",
      "touched by a request",
      "ms",
      "cpu ms",
      "cold start ms",
    ],
    profiles.map((profile) => [
      profile.function,
      mib(profile.residentBytes.launch),
      mib(profile.residentBytes.init),
      mib(profile.residentBytes.firstRequest),
      mib(profile.segments.runtime.pages * 4096),
      mib(profile.segments.init.pages * 4096),
      mib(profile.segments.execution.pages * 4096),
      pages({ min: sum(profile, "min"), median: sum(profile, "median"), max: sum(profile, "max") }),
      profile.durationMs.median.toFixed(1),
      profile.cpuMs.median.toFixed(1),
      profile.coldStartMs.toFixed(0),
    ]),
  );
}
