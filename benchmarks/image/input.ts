export const input = () => ({});
