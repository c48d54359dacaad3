import { withEngine } from "../node/with-engine.ts";
import { measureBarriers } from "../profile/barriers.ts";
import type { Documents } from "../results/documents.ts";

/** Containers of each function (reference, section 5). */
export const OVERHEAD_SANDBOXES = 10;
/** Rollbacks of each: the artifact notes six. */
const ROLLBACKS = 6;

/** What time barriers cost, measured on real sandboxes, one after the other. @param onSandbox told of each that is done */
export async function measureOverhead(
  functions: readonly string[],
  seed: number,
  signal: AbortSignal,
  onSandbox: (name: string) => void,
): Promise<Documents["barriers"]> {
  const rows: Documents["barriers"] = [];
  await withEngine(async (engine, runFolder) => {
    engine.useTracker("auto");
    for (const name of functions) {
      const row: Documents["barriers"][number] = { function: name, sandboxes: [] };
      for (let i = 0; i < OVERHEAD_SANDBOXES; i++) {
        signal.throwIfAborted();
        row.sandboxes.push(
          await measureBarriers(name, { engine, runFolder, seed: seed + i, rollbacks: ROLLBACKS }),
        );
        onSandbox(name);
      }
      rows.push(row);
    }
  });
  return rows;
}
