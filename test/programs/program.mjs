// Allocates, frees and spawns; prints one line for each line read, the same every time. Runs in Node and Bun.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";

let state = 12345n;
const rand = (n) => {
  state = (state * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n;
  return Number((state >> 33n) % BigInt(n));
};
const held = new Map();
const strings = [];
const fill = (seed, size) => {
  const array = new Uint32Array(size);
  for (let i = 0; i < size; i++) array[i] = Math.imul(seed + i, 2654435761) >>> 0;
  return array;
};
for (let i = 0; i < 200; i++) held.set(i, fill(i, 16_000));

let number = 0;
for await (const _ of createInterface({ input: process.stdin })) {
  for (let i = 0; i < 50; i++) {
    const key = rand(300);
    if (held.has(key) && rand(3) === 0) held.delete(key);
    else held.set(key, fill(key * 1000 + number, 256 + rand(40_000)));
  }
  strings.push(Array.from({ length: 3000 }, (_, i) => `${number}-${i}-${rand(1e6)}`).join(","));
  if (strings.length > 10) strings.splice(rand(strings.length), 1);
  const objects = Array.from({ length: 20_000 }, (_, i) => ({ id: i, name: `object ${i}`, next: null }));
  for (let i = 1; i < objects.length; i++) objects[i].next = objects[i - 1];
  if (number % 5 === 0) spawnSync("/bin/true");
  const hash = createHash("sha256");
  for (const key of [...held.keys()].sort((a, b) => a - b)) hash.update(held.get(key));
  for (const text of strings) hash.update(text);
  hash.update(JSON.stringify(objects.map((object) => object.next?.id ?? -1)));
  console.log(`${number++} ${hash.digest("hex")}`);
}
