import { expect, test } from "bun:test";
import { Turn } from "./observe.ts";

test("requests run one at a time, in their order; none after the measurement was ended, whatever the one before did", async () => {
  const stop = new AbortController();
  const turn = new Turn(stop.signal);
  const log: string[] = [];
  const request = (name: string, end: () => void = () => {}) =>
    turn.take(async () => {
      log.push(`${name} begins`);
      await Bun.sleep(1);
      log.push(`${name} ends`);
      end();
      return name;
    });
  const failing = () => {
    throw new Error("failed");
  };
  const all = [request("a"), request("b", failing), request("c", () => stop.abort("enough")), request("d")];
  const results = await Promise.allSettled(all);
  expect(results.map((one) => (one.status === "fulfilled" ? one.value : String(one.reason)))).toEqual([
    "a",
    "Error: failed",
    "c",
    "enough",
  ]);
  expect(log).toEqual(["a", "b", "c"].flatMap((name) => [`${name} begins`, `${name} ends`]));
});
