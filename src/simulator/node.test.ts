import { expect, test } from "bun:test";
import { VirtualClock } from "./clock.ts";
import { SimulatedNode } from "./node.ts";

test("files count by who has them: whole, given back, used again, or used by one that grew up after that", () => {
  const node = new SimulatedNode(new VirtualClock(1), {
    unmanagedBytes: 1,
    files: {
      whole: { shared: 600, own: 100 },
      released: { shared: 60, own: 10 },
      used: { shared: 240, own: 40 },
      early: { shared: 480, own: 50 },
    },
    others: 2,
  });
  node.started();
  expect(node.localBytes).toBe(1 + 100 + 600 / 3);
  node.started();
  expect(node.localBytes).toBe(2 * (1 + 100 + 600 / 4));
  node.filesChanged("whole", "released");
  // 60 of two sandboxes and two others, 540 of one and two others.
  expect(node.localBytes).toBe(2 + 110 + 60 / 2 + 540 / 3);
  node.filesChanged("released", "used");
  expect(node.localBytes).toBe(2 + 140 + 240 / 2 + 360 / 3);
  node.ended("whole");
  expect(node.localBytes).toBe(1 + 40 + 240 / 3);
  node.filesChanged("used", "early");
  expect(node.localBytes).toBe(1 + 50 + 480 / 3);
  node.ended("early");
  expect(node.localBytes).toBe(0);
});
