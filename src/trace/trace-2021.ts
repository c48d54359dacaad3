/** The Azure Functions Invocation Trace 2021 (reference, section 4): by these numbers it is known. */
export const FUNCTIONS_2021 = 424;
export const INVOCATIONS_2021 = 1_980_951;
/** Name of its file in the public data set, without its extension. */
const FILE_2021 = /^AzureFunctionsInvocationTraceForTwoWeeksJan2021\b/;
/** A file with this share of the rows is meant to be it. */
const NEARLY = 0.9;

/** Is this the whole trace, going by its numbers? undefined: nothing suggests that it should be. No sum of the file was ever published. */
export function noteOf2021(file: string, rows: number, functions: number): string | undefined {
  const whole = rows === INVOCATIONS_2021 && functions === FUNCTIONS_2021;
  if (whole)
    return `as many invocations (${INVOCATIONS_2021}) and functions (${FUNCTIONS_2021}) as the whole trace of 2021`;
  if (!FILE_2021.test(file) && rows < INVOCATIONS_2021 * NEARLY) return undefined;
  return (
    `not the whole trace of 2021, which has ${INVOCATIONS_2021} invocations of ${FUNCTIONS_2021} functions: ` +
    `this file has ${rows} of ${functions}; experiments will not take it for that trace`
  );
}
