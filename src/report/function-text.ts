import { formatMiB } from "../base/units.ts";
import type { FunctionDescription } from "../worker/describe.ts";
import { formatTable } from "./table.ts";

const ms = (value: number | null) => (value === null ? "not known yet" : `${value.toFixed(1)} ms`);

const expectation = (idle: { low: number; high: number } | null, recallAhead: boolean): string =>
  idle === null
    ? "expected at any time"
    : `expected after ${idle.low.toFixed(0)} to ${idle.high.toFixed(0)} s idle${recallAhead ? ": memory comes back ahead of it" : ""}`;

/** A function of a running node, for people. */
export function functionText({
  name,
  quotaMiB,
  system,
  settings,
  learned,
  sandboxes,
}: FunctionDescription): string {
  const lines: [string, string][] = [
    ["system", system],
    ["quota", `${quotaMiB} MiB`],
    ["keep-alive", `${settings.keepAliveS} s`],
    [
      "semi-warm",
      `after ${learned.semiWarmRestS.toFixed(0)} s idle, the working set after ${learned.semiWarmAllS.toFixed(0)} s (${
        settings.semiWarmDelayS === null ? "learned" : "given"
      }), ${
        settings.semiWarmBytesPerS === null
          ? `${settings.semiWarmRate * 100} %`
          : `${formatMiB(settings.semiWarmBytesPerS)} MiB`
      } a second`,
    ],
    [
      "Init Pucket",
      settings.initWindow === null
        ? "window until requests touch nothing new"
        : `window of ${settings.initWindow} requests`,
    ],
    ["files", settings.releaseFiles ? "clean pages are given back" : "pages stay"],
    [
      "reuse intervals",
      `${learned.reuseIntervals} seen, P99 ${learned.reuseP99S === null ? "not known yet" : `${learned.reuseP99S.toFixed(0)} s`}`,
    ],
    ["next request", expectation(learned.expectedIdleS, settings.recallAhead)],
    [
      "P95",
      `undisturbed ${ms(learned.undisturbedP95Ms)}, recent ${ms(learned.recentP95Ms)}, budget +${settings.p95Budget * 100} %${
        learned.backOff > 1 ? `: exceeded, delays x${learned.backOff}` : ""
      }`,
    ],
  ];
  const rows = sandboxes.map((one) => [
    one.name,
    one.system,
    one.state,
    one.idleS === null ? "" : one.idleS.toFixed(0),
    formatMiB(one.localBytes),
    formatMiB(one.remoteBytes),
  ]);
  const table = formatTable(["sandbox", "system", "state", "idle s", "local MiB", "remote MiB"], rows);
  return [
    name,
    ...lines.map(([label, text]) => `  ${label.padEnd(16)} ${text}`),
    ...(rows.length > 0 ? ["", table] : ["  no sandbox"]),
  ].join("\n");
}
