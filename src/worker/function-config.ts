import type { z } from "zod";
import type { PolicyFactory } from "../memory/policy.ts";
import type { PolicySettings, policyChanges } from "../memory/settings.ts";

/** How a function is kept, and by which system: may change while its sandboxes live. */
export interface FunctionConfig {
  /** Name of the system, or file of the policy. */
  system: string;
  policy: PolicyFactory;
  /** One object for the function's life, so that those who hold it see changes. */
  readonly settings: PolicySettings;
}

/** What may be changed at run time. */
export interface ConfigChanges {
  system?: string | undefined;
  policy?: PolicyFactory | undefined;
  settings?: z.infer<typeof policyChanges> | undefined;
}

export function changeConfig(config: FunctionConfig, changes: ConfigChanges): void {
  if (changes.system !== undefined && changes.policy) {
    config.system = changes.system;
    config.policy = changes.policy;
  }
  const given = Object.entries(changes.settings ?? {}).filter(([, value]) => value !== undefined);
  Object.assign(config.settings, Object.fromEntries(given));
}
