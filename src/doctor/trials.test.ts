import { expect, test } from "bun:test";
import { trialNames } from "../../ffi/trial.ts";
import { runTrials } from "./trials.ts";

/** A child that answers as the real one, and at one name does something else. */
const child = (name: string, instead: string) => (names: string[]) => [
  "sh",
  "-c",
  `for n in ${names.join(" ")}; do [ $n = ${name} ] && { ${instead}; }; echo "{\\"name\\":\\"$n\\",\\"errno\\":0,\\"value\\":7}"; done`,
];

test("an attempt that kills its process costs only its own answer", async () => {
  const results = await runTrials(child("bpf", "kill -SYS $$"));
  expect([...results.keys()].toSorted()).toEqual([...trialNames].toSorted());
  for (const name of trialNames) {
    expect(results.get(name)).toEqual(name === "bpf" ? null : { errno: 0, value: 7 });
  }
});

test("an attempt that hangs is given up, and the others go on", async () => {
  const started = performance.now();
  const results = await runTrials(child("ptrace", "exec sleep 60"), 1000);
  expect(results.get("ptrace")).toBeNull();
  expect(results.get("bpf")).toEqual({ errno: 0, value: 7 });
  expect(performance.now() - started).toBeLessThan(20_000);
}, 30_000);
