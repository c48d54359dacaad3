export const input = () => ({ n: 100_000 });
