import { Command } from "commander";
import { runCli } from "./base/run-cli.ts";
import { versionLine } from "./base/version.ts";

/** Every subcommand with the file that holds it; files load on use, so that `--version` starts at once. */
const commands: { name: string; summary: string; load: () => Promise<{ command: () => Command }> }[] = [
  {
    name: "up",
    summary: "everything on this machine: memory server, worker, gateway",
    load: () => import("./cli/up.ts"),
  },
  { name: "server", summary: "the memory pool of a memory node", load: () => import("./cli/server.ts") },
  {
    name: "driver",
    summary: "where pages go: set a swap up and take it away, check a memory server",
    load: () => import("./cli/driver.ts"),
  },
  {
    name: "function",
    summary: "deploy, list, invoke, show, change, profile and remove functions",
    load: () => import("./cli/function.ts"),
  },
  {
    name: "trace",
    summary: "import, generate, analyse and export invocation traces",
    load: () => import("./cli/trace.ts"),
  },
  {
    name: "experiment",
    summary: "run experiments and show their results",
    load: () => import("./cli/experiment.ts"),
  },
  {
    name: "results",
    summary: "exchange results with the original's artifact",
    load: () => import("./cli/results.ts"),
  },
  {
    name: "plot",
    summary: "figures and tables from stored results",
    load: () => import("./cli/plot.ts"),
  },
  {
    name: "report",
    summary: "the paper's claims beside what was measured here",
    load: () => import("./cli/report.ts"),
  },
  {
    name: "bench",
    summary: "measure this machine: eviction, restore, faults, and its limits",
    load: () => import("./cli/bench.ts"),
  },
  {
    name: "doctor",
    summary: "what this machine can do, and what to do about the rest",
    load: () => import("./cli/doctor.ts"),
  },
  {
    name: "setup",
    summary: "prepare this node: host, swapfile, RDMA, kernel",
    load: () => import("./cli/setup.ts"),
  },
];

async function main(argv: string[]): Promise<void> {
  const root = new Command("faasmem")
    .description(
      "Serverless functions that use far less memory: cold pages move to a memory pool and come back.",
    )
    .version(versionLine(), "-V, --version", "print version, commit and target")
    .showHelpAfterError("(see: faasmem --help)");
  const wanted = commands.find((entry) => entry.name === argv.find((word) => !word.startsWith("-")));
  for (const entry of commands) {
    root.addCommand(
      entry === wanted ? (await entry.load()).command() : new Command(entry.name).summary(entry.summary),
    );
  }
  throwInsteadOfExit(root);
  await root.parseAsync(argv, { from: "user" });
}

/** Usage errors get the exit code of src/base/run-cli.ts, not commander's. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}

await runCli(() => main(process.argv.slice(2)));
