import { Command } from "commander";
import { z } from "zod";
import { benchmarks } from "../../benchmarks/index.ts";
import { FaasmemError } from "../base/errors.ts";
import { formatTable } from "../report/table.ts";

const DEFAULT_GATEWAY = "http://127.0.0.1:7000";

const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string(), fix: z.string() }) });

export function command(): Command {
  const root = new Command("function")
    .summary("list and invoke functions")
    .description("Lists and invokes functions.");
  root
    .command("list")
    .description("Lists the built-in functions.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  faasmem function list\n  faasmem function list --json")
    .action((options: { json?: boolean }) => {
      const rows = Object.values(benchmarks).map(({ name, quotaMiB, cpu, initWindow }) => ({
        name,
        quotaMiB,
        cpu,
        initWindow,
      }));
      if (options.json) console.log(JSON.stringify(rows));
      else {
        console.log(
          formatTable(
            ["function", "quota MiB", "cpu", "init window"],
            rows.map((row) => [row.name, String(row.quotaMiB), String(row.cpu), String(row.initWindow)]),
          ),
        );
      }
    });
  root
    .command("invoke <name>")
    .description("Runs one request by hand and prints what it cost.")
    .option("--data <json>", "request body", "{}")
    .option("--gateway <url>", "gateway of a running node", DEFAULT_GATEWAY)
    .option("--json", "print JSON")
    .addHelpText("after", `\nExamples:\n  faasmem function invoke web --data '{"id":1}'`)
    .action(async (name: string, options: { data: string; gateway: string; json?: boolean }) => {
      const started = performance.now();
      const response = await post(options.gateway, name, options.data);
      const text = await response.text();
      if (!response.ok) throw remoteError(text, response.status);
      const cost = {
        start: response.headers.get("X-Faasmem-Start"),
        durationMs: Number(response.headers.get("X-Faasmem-Duration-Ms")),
        latencyMs: Number((performance.now() - started).toFixed(3)),
        recalledPages: Number(response.headers.get("X-Faasmem-Recalled-Pages")),
      };
      if (options.json) console.log(JSON.stringify({ result: JSON.parse(text), ...cost }));
      else {
        console.log(text);
        console.log(
          `${cost.start} start, ${cost.durationMs.toFixed(1)} ms in the function, ${cost.latencyMs.toFixed(1)} ms in all, ${cost.recalledPages} pages recalled`,
        );
      }
    });
  return root;
}

async function post(gateway: string, name: string, body: string): Promise<Response> {
  try {
    return await fetch(`${gateway}/function/${encodeURIComponent(name)}`, { method: "POST", body });
  } catch (cause) {
    throw new FaasmemError("NO_GATEWAY", `no gateway answers at ${gateway}`, {
      fix: "start one (faasmem up), or name it with --gateway",
      cause,
    });
  }
}

function remoteError(text: string, status: number): FaasmemError {
  try {
    const { code, message, fix } = errorBody.parse(JSON.parse(text)).error;
    return new FaasmemError(code, message, {
      fix,
      kind: status === 404 || status === 400 ? "usage" : "failure",
    });
  } catch {
    return new FaasmemError("BAD_ANSWER", `the gateway answered ${status}: ${text.slice(0, 200)}`, {
      fix: "is this a faasmem gateway?",
    });
  }
}
