import { cpus, release, totalmem } from "node:os";

/** What a result was measured on. */
export interface Machine {
  kernel: string;
  cpu: string;
  cores: number;
  memoryBytes: number;
}

export function machine(): Machine {
  const list = cpus();
  return { kernel: release(), cpu: list[0]?.model ?? "unknown", cores: list.length, memoryBytes: totalmem() };
}
