import { z } from "zod";
import { openSwapEngine } from "../../ffi/index.ts";
import { assets } from "../assets.ts";
import { FaasmemError } from "../base/errors.ts";
import { median } from "../base/quantile.ts";
import { type UndoStep, undo } from "../driver/undo.ts";
import { zramUp } from "../driver/zram.ts";
import { PagingBench, TARGET_MIB } from "./paging.ts";
import { BenchProgram } from "./program.ts";
import type { BenchResult } from "./result.ts";

const MIB = 1024 ** 2;
const ROUNDS = 5;
const swapped = z.object({
  outGiBps: z.number(),
  inUsPerPage: z.number(),
  stayed: z.number(),
  pages: z.number(),
});

/** Swap to a compressed device in memory: the nearest that a stock kernel offers to far memory. */
export interface ZramFigures {
  /** A program that pages itself out with one call, and touches every page again. */
  limits: { zramOutGiBps: number; zramInUsPerPage: number };
  swapPlane: NonNullable<BenchResult["swapPlane"]>;
}

/**
 * Sets up a zram swap device of its own with the highest priority, measures the bare kernel and the swap plane on it, and
 * takes it away again. Changes the machine's swap settings while it runs: only after `--allow-swap`.
 *
 * @throws FaasmemError NO_ZRAM, NOT_PERMITTED, ...
 */
export async function measureZram(): Promise<ZramFigures> {
  const steps: UndoStep[] = [];
  try {
    await zramUp(
      { sizeBytes: 2 * (TARGET_MIB + 64) * MIB, algorithm: null },
      { undoBy: (step) => steps.push(step), did: () => {} },
    );
    return await measureBoth();
  } finally {
    for (const step of steps.reverse()) await undo(step);
  }
}

/** In turns, so that whatever else the machine does meets both. */
async function measureBoth(): Promise<ZramFigures> {
  const engine = openSwapEngine(await Bun.file(assets.library).bytes());
  const bare = await BenchProgram.start(["swap", String(TARGET_MIB)], null);
  let paging: PagingBench | undefined;
  try {
    paging = await PagingBench.start(engine);
    const rounds: (z.infer<typeof swapped> & Awaited<ReturnType<PagingBench["swapRound"]>>)[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({ ...(await measureBare(bare)), ...(await paging.swapRound()) });
    }
    const of = (figure: keyof (typeof rounds)[number]) => median(rounds.map((round) => round[figure]));
    return {
      limits: { zramOutGiBps: of("outGiBps"), zramInUsPerPage: of("inUsPerPage") },
      swapPlane: {
        evictGiBps: of("evictGiBps"),
        restoreGiBps: of("restoreGiBps"),
        demandUsPerPage: of("demandUsPerPage"),
        wrongPages: await paging.finish(),
      },
    };
  } finally {
    await bare.stop();
    await paging?.stop();
    engine.close();
  }
}

async function measureBare(program: BenchProgram): Promise<z.infer<typeof swapped>> {
  const result = await program.ask(swapped, "round");
  if (result.stayed <= result.pages / 20) return result;
  throw new FaasmemError("NO_ZRAM", `${result.stayed} of ${result.pages} pages did not go to zram`, {
    fix: "free memory on this machine, then run it again",
  });
}
