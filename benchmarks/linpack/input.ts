export const input = (random: () => number) => ({ n: 1000, seed: Math.floor(random() * 2 ** 31) });
