import { confirm } from "../base/ask.ts";
import { planText, statusTable } from "../report/setup-text.ts";
import type { Machine } from "./machine.ts";
import { applySteps, assertPossible, assertRoot, checkSteps, type Undone, undoAll } from "./run.ts";
import { SetupState } from "./state.ts";
import type { Step } from "./step.ts";

export interface SetupRun {
  /** `host`, `swapfile`, ... */
  name: string;
  /** The command line as the user gave it. */
  command: string;
  machine: Machine;
  mode: "check" | "dry-run" | "undo" | "apply";
  steps: Step[];
  yes: boolean;
  json: boolean;
}

/**
 * One `faasmem setup NAME`: looks, shows, asks, does.
 * @returns exit code: 1 when `--check` found something that is not so
 */
export async function runSetup(run: SetupRun): Promise<number> {
  if (run.mode === "undo") return undo(run);
  const status = await checkSteps(run.steps);
  const done = status.every((one) => one.state === "done");
  if (run.mode !== "apply") {
    if (run.json) print({ setup: run.name, done, steps: status });
    else console.log(run.mode === "check" ? statusTable(status) : planText(status));
    return run.mode === "check" && !done ? 1 : 0;
  }
  if (status.every((one) => one.state === "done" || one.state === "waiting")) {
    if (run.json) print({ setup: run.name, done, steps: status });
    else console.log(done ? `setup ${run.name}: everything is so already` : statusTable(status));
    return 0;
  }
  assertPossible(status);
  assertRoot(run.machine, run.command);
  if (!run.yes) {
    tell(planText(status));
    await confirm("Do this?", run.command);
  }
  await apply(run);
  return 0;
}

/** For people, beside the results. (console.error would be red on a terminal.) */
const tell = (text: string) => process.stderr.write(`${text}\n`);
const print = (value: unknown) => console.log(JSON.stringify(value));

/** A signal ends the program that the running step has started; then nothing more is begun. */
function watchSignals(machine: Machine): { stopped: () => boolean; release: () => void } {
  let stopped = false;
  const stop = () => {
    stopped = true;
    machine.interrupt();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, stop);
  return {
    stopped: () => stopped,
    release: () => {
      for (const signal of signals) process.off(signal, stop);
    },
  };
}

async function apply(run: SetupRun): Promise<void> {
  const state = new SetupState(run.name);
  const { stopped, release } = watchSignals(run.machine);
  try {
    await applySteps(
      run.steps,
      state,
      {
        begin: (step) => tell(`...      ${step.title}: ${step.would}`),
        end: (step, check) => {
          if (!run.json) console.log(`${check.state.padEnd(8)} ${step.title} (${check.now})`);
        },
      },
      stopped,
    );
    const status = await checkSteps(run.steps);
    if (run.json)
      print({ setup: run.name, done: status.every((one) => one.state === "done"), steps: status });
  } finally {
    release();
    state.close();
  }
}

async function undo(run: SetupRun): Promise<number> {
  assertRoot(run.machine, run.command);
  const state = new SetupState(run.name);
  const undone: Undone[] = [];
  try {
    if (state.changes.length > 0 && !run.yes) {
      tell(state.changes.map(({ step, at }) => `take back ${step}, of ${at}`).join("\n"));
      await confirm("Take all of this back?", run.command);
    }
    await undoAll(run.machine, state, (one) => {
      undone.push(one);
      if (!run.json) console.log(`${one.step.padEnd(20)} ${one.result}`);
    });
    if (run.json) print({ setup: run.name, undone });
    else if (undone.length === 0) console.log(`setup ${run.name}: it has changed nothing`);
    return 0;
  } finally {
    state.close();
  }
}
