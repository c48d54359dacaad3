import { dlopen, FFIType } from "bun:ffi";
import type { Linear } from "./encoder.ts";

/**
 * The matrix product of matrix.c.
 * @param path of the shared library
 * @param portable without the processor's wide instructions, for tests
 */
export function nativeLinear(path: string, portable = false): Linear {
  const { ptr, u32 } = FFIType;
  const { fb_linear } = dlopen(path, {
    fb_linear: { args: [ptr, ptr, ptr, ptr, u32, u32, u32, u32], returns: FFIType.void },
  }).symbols;
  return (x, weight, bias, y, rows, input, out) =>
    fb_linear(x, weight, bias, y, rows, input, out, portable ? 1 : 0);
}
