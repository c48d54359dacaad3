/**
 * Bounded Pareto sample in [low, high] by inversion of its distribution function
 *   F(x) = (1 - (low/x)^shape) / (1 - (low/high)^shape)
 * (Harchol-Balter, "Performance Modeling and Design of Computer Systems", section 20.5).
 *
 * @param uniform a number in [0, 1)
 */
export function boundedPareto(uniform: number, shape: number, low: number, high: number): number {
  const tail = 1 - (low / high) ** shape;
  return low / (1 - uniform * tail) ** (1 / shape);
}

/** An index in [0, size) where low numbers are asked for most: bounded Pareto over 1..size, made zero-based. */
export function paretoIndex(random: () => number, shape: number, size: number): number {
  return Math.min(size - 1, Math.floor(boundedPareto(random(), shape, 1, size + 1)) - 1);
}
