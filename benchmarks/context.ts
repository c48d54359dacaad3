/**
 * A whole number of a request's context.
 * @throws RangeError when it is none, or outside of 0 to `most`
 */
export function contextNumber(
  context: unknown,
  name: string,
  bounds: { fallback: number; most: number },
): number {
  const given = (context as Record<string, unknown> | null)?.[name] ?? bounds.fallback;
  const value = Number(given);
  if (!Number.isInteger(value) || value < 0 || value > bounds.most) {
    throw new RangeError(`${name} must be a whole number from 0 to ${bounds.most}`);
  }
  return value;
}
