/** The Azure Functions Invocation Trace 2021 (reference, section 4): by these numbers it is known. */
export const FUNCTIONS_2021 = 424;
export const INVOCATIONS_2021 = 1_980_951;
/** Name of its file in the public data set, once it is unpacked. */
export const FILE_2021 = "AzureFunctionsInvocationTraceForTwoWeeksJan2021";
