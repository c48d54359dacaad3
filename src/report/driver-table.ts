import { formatMiB } from "../base/units.ts";
import type { DriverStatus } from "../driver/status.ts";
import { formatTable } from "./table.ts";

const mib = (bytes: number | null) => (bytes === null ? "-" : `${formatMiB(bytes)} MiB`);

/** `faasmem driver status` as text. */
export function driverTable(status: DriverStatus): string {
  const { device, area, on, store, others } = status;
  const lines: string[] = [];
  if (on === null) lines.push("nothing is set up (see: faasmem driver up --help)");
  else {
    const rows = [
      ["plane", status.plane ?? "-"],
      ["device", `${device} on ${area}`],
      ["state", on ? "on" : "OFF: run faasmem driver up again, or down"],
      ["pages it can hold", mib(status.sizeBytes)],
      ["pages it holds", mib(status.usedBytes)],
      ["priority", String(status.priority ?? "-")],
    ];
    if (store) {
      rows.push(
        ["compressed", `${mib(store.originalBytes)} to ${mib(store.compressedBytes)}`],
        ["memory the store takes", `${mib(store.memoryBytes)} of this machine, charged to nobody`],
      );
    }
    lines.push(formatTable(["far memory", ""], rows));
  }
  for (const swap of others) {
    lines.push(
      `swap of others, left alone: ${swap.area} (${mib(swap.usedBytes)} of ${mib(swap.sizeBytes)}, priority ${swap.priority})`,
    );
  }
  return lines.join("\n");
}
