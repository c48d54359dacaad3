import type { Trace } from "./trace.ts";

/** A row that was left out. */
export interface BadRow {
  line: number;
  reason: string;
}

/** Bad rows that are named. */
export const REPORTED_ROWS = 10;

/** What an import read. */
export interface ImportReport {
  trace: Trace;
  /** Good rows of the file. */
  rows: number;
  /** Malformed rows that were left out, and the first ten of them. */
  skipped: number;
  badRows: BadRow[];
  /** Rows whose start (end - duration) lay before 0; they start at 0. */
  clamped: number;
  /** Of the whole file. */
  sha256: string;
  /** What a user must know of the file; empty: nothing. */
  notes: string[];
}
