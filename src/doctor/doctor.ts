import type { Capability, Probe } from "./capability.ts";
import { unknown } from "./capability.ts";
import { bounded, type Facts } from "./facts.ts";
import { hostProbes } from "./probes/host.ts";
import { hotnessProbes } from "./probes/hotness.ts";
import { memoryProbes } from "./probes/memory.ts";
import { pagingProbes } from "./probes/paging.ts";
import { recommend, type Verdict } from "./recommend.ts";

/** In the order of the report. */
export const probes: readonly Probe[] = [...hostProbes, ...pagingProbes, ...hotnessProbes, ...memoryProbes];

/** What `faasmem doctor --json` prints. `schema` grows when a field changes its meaning or goes away. */
export interface Diagnosis extends Verdict {
  schema: 1;
  capabilities: Capability[];
}

/** Each fact has a limit of its own, and the trials are one after the other. */
const PROBE_TIMEOUT_MS = 60_000;

async function examine(probe: Probe, facts: Facts): Promise<Capability> {
  const finding = await bounded(probe.look(facts), unknown("no answer in time"), PROBE_TIMEOUT_MS);
  return {
    id: probe.id,
    state: finding.state,
    detail: finding.detail,
    enables: probe.enables,
    fix: finding.fix ?? null,
  };
}

/** Looks at everything, at once; changes nothing, ends within PROBE_TIMEOUT_MS. */
export async function diagnose(facts: Facts): Promise<Diagnosis> {
  const capabilities = await Promise.all(probes.map((probe) => examine(probe, facts)));
  return { schema: 1, capabilities, ...(await recommend(facts, capabilities)) };
}
