import { expect, test } from "bun:test";
import { simulatorInputs } from "../simulator/inputs.ts";
import { model, profile, store } from "../simulator/testing/profile.ts";
import { measureDensity, type NodeMaker, simulatedNodes } from "./density.ts";

const MIB = 2 ** 20;
const { signal } = new AbortController();

test("sandboxes are added until the next one would not fit, and no more than 32", async () => {
  const stopped: string[] = [];
  const nodes =
    (eachMib: number, whenMany = eachMib): NodeMaker =>
    async (name, system) => {
      let sandboxes = 0;
      return {
        answer: async (count) => {
          sandboxes = Math.max(sandboxes, count);
        },
        settled: async () => ({
          sandboxes,
          localBytes: sandboxes * (sandboxes > 2 ? whenMany : eachMib) * MIB,
          remoteBytes: 0,
        }),
        stop: async () => stopped.push(`${name} under ${system}`),
      };
    };
  const held = async (...mib: [each: number, whenMany?: number]) => {
    const rows = await measureDensity(["web"], ["baseline", "faasmem"], nodes(...mib), signal, () => {});
    return rows.map(({ sandboxes }) => sandboxes);
  };
  expect(await held(100)).toEqual([20, 20]);
  expect(await held(2048)).toEqual([1, 1]);
  expect(await held(2049)).toEqual([0, 0]);
  expect(await held(10)).toEqual([32, 32]);
  expect(stopped.length).toBe(8);
  expect(await held(4, 680)).toEqual([3, 3]); // of four at once too many, which asks for a second node
  expect(stopped.length).toBe(12);
});

test("simulated sandboxes: as many as their memory allows, worked out by hand", async () => {
  // 100 MiB that the engine does not manage, 40 MiB that it does, 12 MiB of files for all together (less for those who have nothing else).
  const inputs = simulatorInputs(store([{ ...profile, model: { ...model, unmanagedBytes: 100 * MIB } }]));
  const rows = await measureDensity(
    ["fn"],
    ["baseline", "faasmem"],
    simulatedNodes(inputs, 1, signal),
    signal,
    () => {},
  );
  const [baseline, faasmem] = rows;
  expect(baseline).toMatchObject({ sandboxes: 14, remoteBytes: 0 }); // 14 * 140 + 12 * 14 / 16
  expect(baseline!.localBytes).toBe(14 * 140 * MIB + (12 * MIB * 14) / 16);
  // Each keeps the 2 MiB that its requests touch: bringing them back would take more than the latency budget.
  expect(faasmem!).toMatchObject({ sandboxes: 19, remoteBytes: 19 * 38 * MIB });
  expect(faasmem!.localBytes).toBeCloseTo(19 * 102 * MIB + (12 * MIB * 19) / 22, -2);
});
