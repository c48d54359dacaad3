import type { StepStatus } from "../setup/run.ts";

const words = { done: "done", todo: "to do", waiting: "waiting", blocked: "blocked" } as const;

/** Every step with its state, a line each. */
export function statusTable(status: readonly StepStatus[]): string {
  const width = Math.max(...status.map((one) => one.id.length));
  return status
    .map((one) => `${words[one.state].padEnd(7)}  ${one.id.padEnd(width)}  ${one.title} (${one.now})`)
    .join("\n");
}

/** What would be done, as commands; what helps where it cannot be. */
export function planText(status: readonly StepStatus[]): string {
  const lines = status.map((one) => {
    if (one.state === "done") return `already  ${one.title} (${one.now})`;
    if (one.state === "blocked") return `blocked  ${one.title}: ${one.now}\n         fix: ${one.fix}`;
    return `would    ${one.title} (now: ${one.now})\n         ${one.would}`;
  });
  return lines.join("\n");
}
