import { expect, test } from "bun:test";
import { FunctionHistory } from "./history.ts";

const MIB = 1024 ** 2;

test("a recall is expected to cost what it came to, where that is more than bringing the bytes back", () => {
  const history = new FunctionHistory();
  for (let i = 0; i < 40; i++) history.recallStarted()(8 * MIB, 4); // 2 GiB/s
  expect(history.recallMs(8 * MIB)).toBeCloseTo(4, 1);
  history.recordRecalling(8 * MIB, 500); // nothing to compare it with yet
  for (let i = 0; i < 10; i++) history.recordDuration(20);
  for (const ms of [45, 40, 35]) history.recordRecalling(8 * MIB, ms);
  expect(history.recallMs(8 * MIB)).toBeCloseTo(4, 1); // too few
  for (const ms of [1000, 40]) history.recordRecalling(8 * MIB, ms);
  expect(history.recallMs(8 * MIB)).toBeCloseTo(20);
  expect(history.recallMs(16 * MIB)).toBeCloseTo(40);
});

test("where requests come together each waits for the pages of all; that fades when they no longer do", () => {
  const history = new FunctionHistory();
  for (let i = 0; i < 40; i++) history.recallStarted()(8 * MIB, 4);
  for (let i = 0; i < 16; i++) history.requestStarted();
  for (let i = 0; i < 16; i++) history.requestEnded();
  expect(history.recallMs(8 * MIB)).toBeCloseTo(16 * 4, 0);
  for (let i = 0; i < 300; i++) {
    history.requestStarted();
    history.requestEnded();
  }
  expect(history.recallMs(8 * MIB)).toBeCloseTo(4, 1);
});

test("recalls at the same time share what the way back carries", () => {
  const history = new FunctionHistory();
  for (let i = 0; i < 40; i++) {
    const ended = [1, 2, 3, 4].map(() => history.recallStarted());
    for (const end of ended) end(8 * MIB, 16); // 2 GiB/s in all
  }
  expect(history.recallMs(8 * MIB)).toBeWithin(3.9, 5.4);
});

test("a recall ahead takes as long as the longest of late, and before any as recalls of all at once", () => {
  const history = new FunctionHistory();
  expect(history.recallAheadMs(1024 * MIB)).toBeCloseTo(1000);
  history.recordRecallAhead(70);
  history.recordRecallAhead(200);
  history.recordRecallAhead(80);
  expect(history.recallAheadMs(1024 * MIB)).toBeCloseTo(190);
});

test("work on the processor takes longer by the requests that share one", () => {
  const history = new FunctionHistory(2);
  expect(history.crowding).toBe(1);
  history.requestStarted();
  expect(history.crowding).toBe(1);
  for (let i = 0; i < 15; i++) history.requestStarted();
  expect(history.crowding).toBe(8);
});
