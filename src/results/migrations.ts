/** Schema changes in order; `user_version` of a database counts those it has. Never change one that shipped. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE traces (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, source TEXT NOT NULL, imported_at INTEGER NOT NULL,
    span_s REAL NOT NULL, functions INTEGER NOT NULL, invocations INTEGER NOT NULL
  );
  CREATE TABLE trace_functions (
    trace_id INTEGER NOT NULL REFERENCES traces(id) ON DELETE CASCADE, rank INTEGER NOT NULL, function_id TEXT NOT NULL,
    arrivals BLOB NOT NULL, durations BLOB NOT NULL, PRIMARY KEY (trace_id, rank)
  );
  CREATE TABLE runs (
    id INTEGER PRIMARY KEY, experiment TEXT NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER,
    status TEXT NOT NULL, seed INTEGER NOT NULL, time_scale REAL NOT NULL, trace TEXT NOT NULL, config TEXT NOT NULL,
    machine TEXT NOT NULL, version TEXT NOT NULL
  );
  CREATE TABLE cells (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE, function TEXT NOT NULL,
    system TEXT NOT NULL, requests INTEGER NOT NULL, errors INTEGER NOT NULL, p50_ms REAL, p95_ms REAL,
    avg_local_bytes REAL NOT NULL, avg_remote_bytes REAL NOT NULL, cold_starts INTEGER NOT NULL,
    warm_starts INTEGER NOT NULL, semi_warm_starts INTEGER NOT NULL, memory_metric TEXT NOT NULL,
    result_hash TEXT NOT NULL, lateness_p99_ms REAL NOT NULL, UNIQUE (run_id, function, system)
  );
  CREATE TABLE requests (
    cell_id INTEGER NOT NULL REFERENCES cells(id) ON DELETE CASCADE, at_s REAL NOT NULL, latency_ms REAL NOT NULL,
    start TEXT, status INTEGER NOT NULL, recalled_pages INTEGER NOT NULL
  );
  CREATE TABLE samples (
    cell_id INTEGER NOT NULL REFERENCES cells(id) ON DELETE CASCADE, at_s REAL NOT NULL, local_bytes REAL NOT NULL,
    remote_bytes REAL NOT NULL, sandboxes INTEGER NOT NULL
  );
  CREATE INDEX cells_of_run ON cells(run_id);
  CREATE INDEX requests_of_cell ON requests(cell_id);
  CREATE INDEX samples_of_cell ON samples(cell_id);
  `,
  `
  CREATE TABLE profiles (
    function TEXT PRIMARY KEY, measured_at INTEGER NOT NULL, machine TEXT NOT NULL, version TEXT NOT NULL, profile TEXT NOT NULL
  );
  `,
  `
  CREATE TABLE learned (function TEXT PRIMARY KEY, saved_at INTEGER NOT NULL, history TEXT NOT NULL);
  ALTER TABLE requests ADD COLUMN recall_faults INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE requests ADD COLUMN stall_ms REAL NOT NULL DEFAULT 0;
  ALTER TABLE requests ADD COLUMN runtime_pages INTEGER;
  ALTER TABLE requests ADD COLUMN init_pages INTEGER;
  ALTER TABLE requests ADD COLUMN execution_pages INTEGER;
  `,
  `
  CREATE TABLE heatmaps (
    cell_id INTEGER PRIMARY KEY REFERENCES cells(id) ON DELETE CASCADE, heatmap TEXT NOT NULL
  );
  `,
  // Cells are told apart by window and repeat, too: SQLite changes a UNIQUE constraint only by making the table anew. Its id stays,
  // so that what refers to a cell does. (Foreign keys do not act on DROP TABLE inside of a migration: see database.ts.)
  `
  CREATE TABLE new_cells (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE, function TEXT NOT NULL,
    system TEXT NOT NULL, "window" TEXT NOT NULL, repeat INTEGER NOT NULL, mode TEXT NOT NULL, window_s REAL NOT NULL,
    requests INTEGER NOT NULL, errors INTEGER NOT NULL, p50_ms REAL,
    p95_ms REAL, avg_local_bytes REAL NOT NULL, avg_remote_bytes REAL NOT NULL, cold_starts INTEGER NOT NULL,
    warm_starts INTEGER NOT NULL, semi_warm_starts INTEGER NOT NULL, memory_metric TEXT NOT NULL,
    result_hash TEXT NOT NULL, lateness_p99_ms REAL NOT NULL, UNIQUE (run_id, function, system, "window", repeat)
  );
  INSERT INTO new_cells SELECT c.id, run_id, function, system, trace, 0, 'replay',
    COALESCE(json_extract(config, '$.windowS'), 0), requests, errors, p50_ms, p95_ms, avg_local_bytes, avg_remote_bytes,
    cold_starts, warm_starts, semi_warm_starts, memory_metric, result_hash, lateness_p99_ms
    FROM cells c JOIN runs r ON r.id = c.run_id;
  DROP TABLE cells;
  ALTER TABLE new_cells RENAME TO cells;
  CREATE INDEX cells_of_run ON cells(run_id);
  CREATE TABLE documents (
    run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE, kind TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (run_id, kind)
  );
  CREATE TABLE benches (
    id INTEGER PRIMARY KEY, measured_at INTEGER NOT NULL, machine TEXT NOT NULL, version TEXT NOT NULL, bench TEXT NOT NULL
  );
  `,
];
