export const input = () => ({ num_of_rows: 100, num_of_cols: 100 });
