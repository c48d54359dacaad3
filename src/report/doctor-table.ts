import type { Diagnosis } from "../doctor/doctor.ts";

const FOUND_WIDTH = 36;
const NARROWEST_REST = 30;

/** Text in lines of at most `width` characters, broken between words. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/**
 * Capability, state, what was found and what it enables; below it, how to get what is missing.
 * @param columns width of the terminal
 */
export function doctorTable(diagnosis: Diagnosis, columns: number): string {
  const { capabilities, planes, recommended } = diagnosis;
  const name = Math.max(...capabilities.map((one) => one.id.length));
  const state = Math.max(...capabilities.map((one) => one.state.length), "state".length);
  const rest = Math.max(NARROWEST_REST, columns - name - state - FOUND_WIDTH - 6);
  const line = (cells: [string, string, string, string]) =>
    [cells[0].padEnd(name), cells[1].padEnd(state), cells[2].padEnd(FOUND_WIDTH), cells[3]]
      .join("  ")
      .trimEnd();
  const rows = capabilities.flatMap((one) => {
    const [found, enables] = [wrap(one.detail, FOUND_WIDTH), wrap(one.enables, rest)];
    const height = Math.max(found.length, enables.length);
    const text = Array.from({ length: height }, (_, i) =>
      line([i ? "" : one.id, i ? "" : one.state, found[i] ?? "", enables[i] ?? ""]),
    );
    const how = one.fix ? wrap(one.fix, FOUND_WIDTH + 2 + rest - 3) : [];
    return [...text, ...how.map((part, i) => line(["", "", `${i ? "  " : "->"} ${part}`, ""]))];
  });
  const verdict = (works: boolean) => (works ? "works" : "no");
  const dashes = (width: number) => "-".repeat(width);
  return [
    line(["capability", "state", "found", "enables (->: how to get it)"]),
    line([dashes(name), dashes(state), dashes(FOUND_WIDTH), dashes(rest)]),
    ...rows,
    "",
    `plane uffd: ${verdict(planes.uffd.works)}: ${planes.uffd.reason}`,
    `plane swap: ${verdict(planes.swap.works)}: ${planes.swap.reason}`,
    `recommended plane:   ${recommended.plane ?? "none"}; ${recommended.planeReason}`,
    `recommended tracker: ${recommended.tracker}; ${recommended.trackerReason}`,
  ].join("\n");
}
