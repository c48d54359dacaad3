/** Of a cell, whatever it has in it, in seconds. */
const CELL_S = 0.05;
/** Of each request, in seconds: without policy, and with one. Measured with web, 3646 requests in an hour. */
const REQUEST_S = { unmanaged: 0.00007, managed: 0.00015 };

/** Expected real seconds of simulating a cell. @param managed has its system a policy (all but baseline)? */
export const simulatedSeconds = (requests: number, managed: boolean): number =>
  CELL_S + requests * (managed ? REQUEST_S.managed : REQUEST_S.unmanaged);
