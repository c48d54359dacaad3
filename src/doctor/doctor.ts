import type { Capability, Probe } from "./capability.ts";
import { unknown } from "./capability.ts";
import { type Facts, NoAnswer } from "./facts.ts";
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

async function examine(probe: Probe, facts: Facts): Promise<Capability> {
  const finding = await probe.look(facts).catch((error: unknown) => {
    if (error instanceof NoAnswer) return unknown("no answer in time");
    throw error;
  });
  return {
    id: probe.id,
    state: finding.state,
    detail: finding.detail,
    enables: probe.enables,
    fix: finding.fix ?? null,
  };
}

/** Looks at everything, at once; changes nothing, each fact it asks for is bounded in time. */
export async function diagnose(facts: Facts): Promise<Diagnosis> {
  const capabilities = await Promise.all(probes.map((probe) => examine(probe, facts)));
  return { schema: 1, capabilities, ...(await recommend(facts, capabilities)) };
}
