export const input = (random: () => number) => ({
  length_of_message: 10_000,
  num_of_iterations: 1,
  seed: Math.floor(random() * 2 ** 31),
});
