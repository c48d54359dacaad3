export const input = (random: () => number) => ({ file_size: 1, seed: Math.floor(random() * 2 ** 31) });
