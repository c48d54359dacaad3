import { Command, Option } from "commander";
import { dieWithParent, exitCodeOf, untilStopped } from "../base/signals.ts";
import { count, parseOption, parseSize, port, positive, share } from "../base/units.ts";
import { startNode } from "../node/node.ts";
import { parseFunctions, planeName, serverAddress, trackerName } from "../node/options.ts";
import { MOST_SANDBOXES } from "../worker/pool.ts";

interface UpOptions {
  system: string;
  plane: string;
  function?: string;
  timeScale: string;
  host: string;
  port: string;
  server?: string;
  poolSize: string;
  keepAlive: string;
  semiWarmDelay?: string;
  window?: string;
  tracker: string;
  policy?: string;
  p95Budget: string;
  offloadBandwidth?: string;
  maxSandboxes: string;
  learned: boolean;
  readyJson?: boolean;
}

export function command(): Command {
  return new Command("up")
    .summary("everything on this machine: memory server, worker, gateway")
    .description(
      "Runs memory server, worker and gateway on this machine, with the built-in functions deployed.",
    )
    .option("--system <name>", "memory system: faasmem, baseline, faasmem-no-pucket, ...", "faasmem")
    .option(
      "--plane <name>",
      "where pages go: uffd (to a memory server) or swap (see: faasmem driver)",
      "uffd",
    )
    .option("--policy <file>", "your own policy instead: a TypeScript file (docs/concepts/policies.md)")
    .option("--function <names>", "functions to deploy, separated by commas (default: all built-in ones)")
    .option("--port <n>", "port of the gateway, 0 = any free one", "7000")
    .option("--host <address>", "address of the gateway (loopback only, for now)", "127.0.0.1")
    .option("--server <host:port>", "use this memory server instead of starting one")
    .option("--pool-size <size>", "memory of the server that is started", "4GiB")
    .option("--keep-alive <seconds>", "idle time after which a sandbox is destroyed", "600")
    .option(
      "--semi-warm-delay <seconds>",
      "idle time after which semi-warm begins (default: learned, at least 60)",
    )
    .option(
      "--window <n>",
      "requests of the Init Pucket's window (default: until requests touch nothing new)",
    )
    .option("--p95-budget <share>", "how much the P95 may grow before the policy backs off", "10%")
    .option("--offload-bandwidth <size>", "what semi-warm may send in a second, all sandboxes together")
    .option("--max-sandboxes <n>", "sandboxes of one function at a time", String(MOST_SANDBOXES))
    .option("--no-learned", "neither start with what was learned of the functions before, nor keep it")
    .option("--tracker <name>", "hotness tracker: auto, ebpf, idle, mglru, refault", "auto")
    .option("--time-scale <n>", "policy seconds that pass in one real second", "1")
    .addOption(new Option("--ready-json").hideHelp())
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem up\n  faasmem up --function web --semi-warm-delay 10\n  faasmem up --system baseline --port 7001\n  faasmem up --plane swap --function web\n  faasmem up --policy ./my-policy.ts --function web",
    )
    .action(async (options: UpOptions) => {
      if (options.readyJson) dieWithParent();
      const stopped = untilStopped({ watchStdin: options.readyJson === true });
      const node = await startNode(
        {
          system: options.policy ?? options.system,
          plane: parseOption("--plane", planeName, options.plane),
          functions: parseFunctions(options.function),
          timeScale: parseOption("--time-scale", positive, options.timeScale),
          host: options.host,
          port: parseOption("--port", port, options.port),
          server:
            options.server === undefined ? undefined : parseOption("--server", serverAddress, options.server),
          poolBytes: parseSize(options.poolSize),
          keepAliveS: parseOption("--keep-alive", positive, options.keepAlive),
          semiWarmDelayS:
            options.semiWarmDelay === undefined
              ? null
              : parseOption("--semi-warm-delay", positive, options.semiWarmDelay),
          tracker: parseOption("--tracker", trackerName, options.tracker),
          initWindow:
            options.window === undefined ? undefined : parseOption("--window", count, options.window),
          p95Budget: parseOption("--p95-budget", share, options.p95Budget),
          offloadBytesPerS:
            options.offloadBandwidth === undefined ? undefined : parseSize(options.offloadBandwidth),
          maxSandboxes: parseOption("--max-sandboxes", count, options.maxSandboxes),
          learned: options.learned,
        },
        (line) => console.error(`faasmem: ${line}`),
      );
      if (options.readyJson) {
        console.log(
          JSON.stringify({ ready: true, gateway: node.gateway, server: node.server, pid: process.pid }),
        );
      } else {
        console.log(`gateway        ${node.gateway}   (system ${options.policy ?? options.system})`);
        console.log(
          options.plane === "swap"
            ? "pages go to    swap of this machine (faasmem driver status)"
            : `memory server  ${node.server ?? "none: this system moves no page"}`,
        );
        console.log(`try            faasmem function invoke web --data '{"id":1}' --gateway ${node.gateway}`);
        console.log("Ctrl-C stops everything.");
      }
      const reason = await stopped;
      await node.close();
      process.exit(exitCodeOf(reason));
    });
}
