/** `density` asks no system for more sandboxes than this: so many at least is a result, too. */
export const DENSITY_MOST = 32;

/** What experiments find that is no cell; one of each kind at most in a run. Shapes are fixed once shipped. */
export interface Documents {
  /** `overhead`: what time barriers cost on real sandboxes, for each function; milliseconds, one row for each sandbox. */
  barriers: {
    function: string;
    sandboxes: { runtimeInitMs: number; initExecutionMs: number; rollbackMs: number[] }[];
  }[];
  /** `semiwarm`: distributions over the containers of each load class, as points of the empirical CDF. */
  semiwarm: {
    keepAliveS: number;
    percentile: number;
    classes: {
      load: "high" | "middle" | "low";
      functions: number;
      invocations: number;
      containers: number;
      coldStartRatio: number;
      /** [value, share of containers with at most this value]; shares of a life 0 to 1, lifetimes in seconds. */
      semiWarmShare: [number, number][];
      lifetimeS: [number, number][];
    }[];
  };
  /** `density`: how many sandboxes a fixed memory budget held under each system; really, unless `simulated` is true. */
  density: {
    budgetBytes: number;
    simulated?: boolean;
    rows: { function: string; system: string; sandboxes: number; localBytes: number; remoteBytes: number }[];
  };
  /** `validate`: simulated against replayed, in percent of the replayed value. */
  validation: {
    function: string;
    system: string;
    window: string;
    memErrorPct: number;
    p95ErrorPct: number | null;
  }[];
}

export type DocumentKind = keyof Documents;
