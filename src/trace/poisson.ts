/** ln(n!) by Stirling's series; its error is below 1e-5 from n = 1 on. */
const logFactorial = (n: number): number =>
  n < 1 ? 0 : n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + 1 / (12 * n) - 1 / (360 * n ** 3);

/**
 * The most requests that run at the same time while `arrivals` requests come at random, each finding on average `load` of them
 * running (Poisson). Excursions to a high level come in clumps whose number is Poisson, too (Aldous, "Probability
 * Approximations via the Poisson Clumping Heuristic", chapter A): level k + 1 is not reached with probability
 * exp(-arrivals x P(k running) x (1 - load / (k + 1))).
 *
 * @param at where in that distribution, uniform in [0, 1)
 */
export function peakOf(arrivals: number, load: number, at: number): number {
  if (load <= 0) return 1;
  let level = Math.max(1, Math.ceil(load));
  let running = Math.exp(level * Math.log(load) - load - logFactorial(level));
  const most = Math.max(level, Math.ceil(arrivals));
  while (level < most && Math.exp(-arrivals * running * (1 - load / (level + 1))) < at)
    running *= load / ++level;
  return level;
}
