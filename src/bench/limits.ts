import { z } from "zod";
import { BenchProgram } from "./program.ts";

const limits = z.object({
  memcpyGiBps: z.number(),
  readvGiBps: z.number(),
  loopbackGiBps: z.number(),
  loopbackRoundTripUs: z.number(),
  plainFaultUs: z.number(),
});

/** What the machine can do at best: medians of five rounds (round trip and fault: of thousands). */
export async function measureLimits(): Promise<z.infer<typeof limits>> {
  const program = await BenchProgram.start(["limits"], null);
  try {
    return await program.ask(limits);
  } finally {
    await program.stop();
  }
}
