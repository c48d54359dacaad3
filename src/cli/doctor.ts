import { writeFileSync, writeSync } from "node:fs";
import { Command, Option } from "commander";
import { type TrialName, trialNames } from "../../ffi/trial.ts";

interface DoctorCliOptions {
  json?: boolean;
  record?: string;
  replay?: string;
  trial?: TrialName[];
}

const WITHOUT_TERMINAL = 110;

export function command(): Command {
  return new Command("doctor")
    .summary("what this machine can do, and what to do about the rest")
    .description(
      "Shows what this machine allows, what faasmem does with it, and how to get what is missing; ends with the memory plane and the hotness tracker to use. Tries what can be tried, and changes nothing. Exit code 0 when a plane works, else 1.",
    )
    .option("--json", "print JSON instead of a table")
    .option("--record <file>", "also write down all that was looked at, for a report of a defect")
    .option("--replay <file>", "judge the machine that wrote this file, instead of this one")
    .addOption(new Option("--trial <names...>").choices(trialNames).hideHelp())
    .addHelpText(
      "after",
      "\nStates: yes = usable; off = there, to be switched on; denied = not for this user or container;\n  no = not on this kernel or machine; unknown = no answer.\n\nExamples:\n  faasmem doctor\n  faasmem doctor --json\n  faasmem doctor --record machine.json",
    )
    .action(async (options: DoctorCliOptions) => {
      if (options.trial) return runTrialsHere(options.trial);
      const [{ liveFacts }, { loadRecording, recordFacts, replayFacts }, { diagnose }, { doctorTable }] =
        await Promise.all([
          import("../doctor/live.ts"),
          import("../doctor/recording.ts"),
          import("../doctor/doctor.ts"),
          import("../report/doctor-table.ts"),
        ]);
      const seen = recordFacts(options.replay ? replayFacts(loadRecording(options.replay)) : liveFacts());
      const diagnosis = await diagnose(seen.facts);
      if (options.record) writeFileSync(options.record, `${JSON.stringify(seen.recording, null, 1)}\n`);
      console.log(
        options.json
          ? JSON.stringify(diagnosis)
          : doctorTable(diagnosis, process.stdout.columns ?? WITHOUT_TERMINAL),
      );
      // A file that gives no answer may still be read: nothing waits for it.
      process.exit(diagnosis.recommended.plane ? 0 : 1);
    });
}

/** Attempts in this process, started for them by src/doctor/trials.ts. */
async function runTrialsHere(names: TrialName[]): Promise<void> {
  const [{ runTrial }, { assets }] = await Promise.all([
    import("../../ffi/trial.ts"),
    import("../assets.ts"),
  ]);
  const library = await Bun.file(assets.library).bytes();
  for (const name of names) writeSync(1, `${JSON.stringify({ name, ...runTrial(library, name) })}\n`);
}
