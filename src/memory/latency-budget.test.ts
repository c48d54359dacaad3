import { expect, test } from "bun:test";
import { LatencyBudget } from "./latency-budget.ts";

const feed = (budget: LatencyBudget, count: number, ms: number, undisturbed = false) => {
  for (let i = 0; i < count; i++) budget.record(ms, undisturbed, 0.1);
};

test("nothing is said before there is a yardstick", () => {
  const budget = new LatencyBudget();
  feed(budget, 200, 50);
  expect(budget.factor).toBe(1);
  expect(budget.undisturbedP95Ms).toBeNull();
});

test("a P95 above the budget backs off step by step, one within it comes back", () => {
  const budget = new LatencyBudget();
  feed(budget, 40, 10, true);
  expect(budget.factor).toBe(1);
  feed(budget, 40, 12);
  expect(budget.factor).toBe(2);
  feed(budget, 400, 12);
  expect(budget.factor).toBe(32);
  expect(budget.undisturbedP95Ms).toBe(10);
  feed(budget, 40, 10.2);
  expect(budget.factor).toBe(16);
  feed(budget, 400, 10.2);
  expect(budget.factor).toBe(1);
});

test("slow requests below the 95th percentile are within the budget", () => {
  const budget = new LatencyBudget();
  feed(budget, 40, 10, true);
  for (let i = 0; i < 10; i++) {
    feed(budget, 39, 10);
    feed(budget, 1, 100);
  }
  expect(budget.factor).toBe(1);
});
