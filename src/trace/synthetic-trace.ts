import { generateTrace, type Shape } from "./generate.ts";
import { ranked, type Trace } from "./trace.ts";

/** Name of the embedded trace that stands in for the Azure Functions Trace 2021 where that was not imported. */
export const SYNTHETIC_TRACE = "synthetic";

const HOURS = 48;
const SEED = 2021;
/** Functions of each shape: about the shares of load classes that the trace of 2021 has (28, 76 and 320 of 424). */
const MIX: readonly (readonly [Shape, number])[] = [
  ["diurnal", 3],
  ["bursty", 6],
  ["steady", 11],
  ["rare", 40],
];

/** 60 functions over two days, made by the shapes of generate.ts (fitted to Azure's data); always the same. */
export function syntheticTrace(): Trace {
  const parts = MIX.map(([shape, functions], i) =>
    generateTrace({ name: shape, shape, functions, hours: HOURS, seed: SEED + i }),
  );
  return {
    name: SYNTHETIC_TRACE,
    source: `generated: ${MIX.map(([shape, count]) => `${count} ${shape}`).join(", ")}, ${HOURS} h`,
    spanS: HOURS * 3600,
    functions: ranked(parts.flatMap((part) => part.functions)),
  };
}
