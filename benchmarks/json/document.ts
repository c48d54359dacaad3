import { random } from "../../src/base/random.ts";

/** A JSON document of about `bytes` bytes: an array of records with text, numbers, lists and nested objects. */
export function jsonDocument(seed: number, bytes: number): string {
  const next = random(seed);
  const records: string[] = [];
  let size = 2;
  for (let id = 0; size < bytes; id++) {
    const record = JSON.stringify({
      id,
      name: `function-${Math.floor(next() * 1e9).toString(36)}`,
      active: next() < 0.5,
      score: Math.round(next() * 1e6) / 1e3,
      tags: Array.from({ length: 4 }, () => Math.floor(next() * 1e6).toString(36)),
      owner: { region: `zone-${Math.floor(next() * 12)}`, quota: Math.floor(next() * 4096), parent: null },
    });
    records.push(record);
    size += record.length + 1;
  }
  return `[${records.join(",")}]`;
}
