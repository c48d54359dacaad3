import { Command, Option } from "commander";
import { dieWithParent, exitCodeOf, untilStopped } from "../base/signals.ts";
import { formatMiB, parseOption, parseSize, port } from "../base/units.ts";
import { startMemoryServer } from "../pool/server.ts";

export function command(): Command {
  return new Command("server")
    .summary("the memory pool of a memory node")
    .description("Runs the memory pool: holds offloaded pages for compute nodes until it is stopped.")
    .option("--host <address>", "address to listen on (loopback only, for now)", "127.0.0.1")
    .option("--port <n>", "TCP port, 0 = any free one", "50000")
    .option("--capacity <size>", "most memory that pages may take, for example 4GiB", "4GiB")
    .addOption(new Option("--ready-json").hideHelp())
    .addHelpText("after", "\nExamples:\n  faasmem server\n  faasmem server --port 0 --capacity 512MiB")
    .action(async (options: { host: string; port: string; capacity: string; readyJson?: boolean }) => {
      if (options.readyJson) dieWithParent();
      const stopped = untilStopped({ watchStdin: options.readyJson === true });
      const server = await startMemoryServer({
        host: options.host,
        port: parseOption("--port", port, options.port),
        capacityBytes: parseSize(options.capacity),
      });
      if (options.readyJson) console.log(JSON.stringify({ ready: true, address: server.address }));
      else console.log(`memory server on ${server.address}, up to ${options.capacity}; Ctrl-C stops it`);
      const reason = await stopped;
      const { usedBytes, pagesWritten, pagesRead } = server.stats();
      server.close();
      if (!options.readyJson) {
        console.log(
          `stopped: ${formatMiB(usedBytes)} MiB held, ${pagesWritten} pages came, ${pagesRead} went`,
        );
      }
      process.exit(exitCodeOf(reason));
    });
}
