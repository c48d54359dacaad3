import { expect, test } from "bun:test";
import { thisMachine } from "./machine.ts";

/** Processes with this text among their arguments. */
const running = (text: string) =>
  Bun.spawnSync(["pgrep", "--full", "--count", text]).stdout.toString().trim();

test("interrupting a program ends what it has started, too", async () => {
  const machine = thisMachine();
  const mark = `3${process.pid}.25`;
  const ended = machine.run(["sh", "-c", `sleep ${mark} & sleep ${mark} & wait`]);
  while (running(`sleep ${mark}`) !== "3") await Bun.sleep(10); // the shell and two
  machine.interrupt();
  expect((await ended).code).not.toBe(0);
  expect(running(`sleep ${mark}`)).toBe("0");
  machine.interrupt(); // nothing runs any more
});
