/** The function takes no parameter. */
export const input = () => ({});
