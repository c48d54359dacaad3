/**
 * Writes a file of the 2021 schema as large as the real one (1,980,951 rows, 424 functions, 14 days), made up:
 * scripts/bun.sh scripts/make-trace-2021.ts FILE. For measuring import and analysis where the real one is not at hand.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { random } from "../src/base/random.ts";
import { FUNCTIONS_2021, INVOCATIONS_2021 } from "../src/trace/trace-2021.ts";

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error("usage: scripts/bun.sh scripts/make-trace-2021.ts FILE");
  process.exit(2);
}
const SPAN_S = 14 * 86_400;
const next = random(2021);
const hash = () => Array.from({ length: 64 }, () => Math.floor(next() * 16).toString(16)).join("");
// A power of the rank: the busiest has a fifth of all invocations, the last ones a handful.
const weights = Array.from({ length: FUNCTIONS_2021 }, (_, rank) => (rank + 1.5) ** -1.4);
const total = weights.reduce((sum, weight) => sum + weight, 0);
const counts = weights.map((weight) => Math.max(1, Math.floor((weight / total) * INVOCATIONS_2021)));
counts[0]! += INVOCATIONS_2021 - counts.reduce((sum, count) => sum + count, 0);
const apps = Array.from({ length: 119 }, hash);
const ids = counts.map((_, i) => `${apps[i % apps.length]},${hash()}`);
const ends = new Float64Array(INVOCATIONS_2021);
const owners = new Uint16Array(INVOCATIONS_2021);
let row = 0;
counts.forEach((count, owner) => {
  // Bursts: half of the invocations follow the one before within seconds.
  let at = 0;
  for (let i = 0; i < count; i++) {
    at = i > 0 && next() < 0.5 ? Math.min(SPAN_S, at + next() * 5) : next() * SPAN_S;
    ends[row] = at;
    owners[row++] = owner;
  }
});
const order = Uint32Array.from(ends.keys()).sort((a, b) => ends[a]! - ends[b]!);
const file = openSync(path, "w");
let block = ["app,func,end_timestamp,duration"];
for (const i of order) {
  block.push(`${ids[owners[i]!]},${ends[i]},${(next() ** 4 * 60).toFixed(3)}`);
  if (block.length < 10_000) continue;
  writeSync(file, `${block.join("\n")}\n`);
  block = [];
}
writeSync(file, `${block.join("\n")}\n`);
closeSync(file);
