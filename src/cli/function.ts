import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { checkWeights, ensureWeights, WEIGHTS_SEED, weightsPath } from "../../benchmarks/bert/prepare.ts";
import { benchmarks } from "../../benchmarks/index.ts";
import { FaasmemError } from "../base/errors.ts";
import { count, parseOption } from "../base/units.ts";
import { parseFunctions } from "../node/options.ts";
import type { FunctionProfile } from "../profile/profile.ts";
import { functionText } from "../report/function-text.ts";
import { profileTable } from "../report/profile-table.ts";
import { formatTable } from "../report/table.ts";

import { openStore, type Store } from "../results/store.ts";
import { functionDescription } from "../worker/describe.ts";
import { settingOptions, settingsOf } from "./setting-options.ts";

const DEFAULT_GATEWAY = "http://127.0.0.1:7000";

const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string(), fix: z.string() }) });

export function command(): Command {
  const root = new Command("function")
    .summary("deploy, list, invoke, show, change, profile and remove functions")
    .description("Deploys, lists, invokes, shows, changes, profiles and removes functions.");
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
  root
    .command("deploy")
    .description(
      "Deploys built-in functions on a running node. `bert` gets generated weights unless you give a checkpoint.",
    )
    .requiredOption("--benchmark <names>", "built-in functions, separated by commas, or all")
    .option("--weights <file>", "bert: model.safetensors of bert-base-uncased")
    .option("--vocab <file>", "bert: vocab.txt of the same checkpoint")
    .option("--gateway <url>", "gateway of a running node", DEFAULT_GATEWAY)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem function deploy --benchmark all\n  faasmem function deploy --benchmark bert --weights model.safetensors --vocab vocab.txt",
    )
    .action(deploy);
  root
    .command("remove <name>")
    .description("Removes a function from a running node and ends its sandboxes.")
    .option("--gateway <url>", "gateway of a running node", DEFAULT_GATEWAY)
    .addHelpText("after", "\nExamples:\n  faasmem function remove json")
    .action(async (name: string, options: { gateway: string }) => {
      await ask(options.gateway, `/functions/${encodeURIComponent(name)}`, { method: "DELETE" });
      console.log(`removed ${name}`);
    });
  root
    .command("show <name>")
    .description("Shows a function of a running node: settings, what was learned, sandboxes.")
    .option("--gateway <url>", "gateway of a running node", DEFAULT_GATEWAY)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  faasmem function show web\n  faasmem function show web --json")
    .action(async (name: string, options: { gateway: string; json?: boolean }) => {
      const text = await ask(options.gateway, `/functions/${encodeURIComponent(name)}`, { method: "GET" });
      printDescription(text, options.json === true);
    });
  const set = root
    .command("set <name>")
    .description("Changes a function of a running node, without a restart, and shows it.")
    .option("--system <name>", "memory system of sandboxes that start from now on")
    .option("--gateway <url>", "gateway of a running node", DEFAULT_GATEWAY)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem function set web --keep-alive 300 --semi-warm-delay 30\n  faasmem function set web --semi-warm-delay learned --p95-budget 5%\n  faasmem function set json --system damon",
    );
  for (const { flag, help } of settingOptions) set.option(flag, help);
  set.action(async (name: string, options: SetOptions) => {
    const text = await ask(options.gateway, `/functions/${encodeURIComponent(name)}`, {
      method: "PATCH",
      body: JSON.stringify({ system: options.system, settings: settingsOf(options) }),
    });
    printDescription(text, options.json === true);
  });
  root
    .command("profile [names]")
    .description(
      "Runs functions one after the other by themselves and notes what they hold and what a request touches: a table, and a figure. Without names: all of them.",
    )
    .option("--requests <n>", "requests to observe", "50")
    .option("--seed <n>", "seed of their inputs", "1")
    .option("--out <dir>", "folder of the figure", ".")
    .option("--stored", "show what was measured before, instead of measuring")
    .option("--json", "print JSON")
    .option("--quiet", "no progress")
    .addHelpText(
      "after",
      "\nExamples:\n  faasmem function profile web\n  faasmem function profile web,json --requests 20 --json\n  faasmem function profile --stored",
    )
    .action(profile);
  root
    .command("generate-weights", { hidden: true })
    .description("Generates the weights of bert, if they are missing, and prints where they are.")
    .action(() => console.log(ensureWeights()));
  return root;
}

function printDescription(text: string, json: boolean): void {
  const description = functionDescription.parse(JSON.parse(text));
  console.log(json ? JSON.stringify(description) : functionText(description));
}

interface SetOptions {
  system?: string;
  gateway: string;
  json?: boolean;
  [setting: string]: string | boolean | undefined;
}

interface ProfileOptions {
  requests: string;
  seed: string;
  out: string;
  stored?: boolean;
  json?: boolean;
  quiet?: boolean;
}

async function profile(names: string | undefined, options: ProfileOptions): Promise<void> {
  const wanted = parseFunctions(names);
  const requests = parseOption("--requests", count, options.requests);
  const seed = parseOption(
    "--seed",
    z.coerce
      .number()
      .int()
      .min(0)
      .max(2 ** 32),
    options.seed,
  );
  const out = resolve(options.out);
  const store = openStore();
  try {
    let profiles = store.listProfiles().map((row) => row.profile);
    if (options.stored) profiles = profiles.filter((one) => wanted.includes(one.function));
    else profiles = await measureProfiles(wanted, { requests, seed }, store, options.quiet === true);
    if (profiles.length === 0) {
      throw new FaasmemError("NO_PROFILE", "no such profile is stored", {
        fix: "measure it: faasmem function profile NAME",
        kind: "usage",
      });
    }
    if (options.json)
      console.log(JSON.stringify({ profiles: profiles.map(({ model: _, ...summary }) => summary) }));
    else console.log(profileTable(profiles));
    mkdirSync(out, { recursive: true });
    const { writeProfileFigure } = await import("../report/profile-figure.ts");
    console.error(`figure: ${await writeProfileFigure(profiles, join(out, "faasmem-profile.svg"))}`);
  } finally {
    store.close();
  }
}

async function measureProfiles(
  names: string[],
  options: { requests: number; seed: number },
  store: Store,
  quiet: boolean,
): Promise<FunctionProfile[]> {
  const [{ runProfiles }, { Progress }] = await Promise.all([
    import("../profile/run.ts"),
    import("../experiment/progress.ts"),
  ]);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
  const progress = new Progress(names.length, { quiet });
  try {
    return await runProfiles(names, options, store, progress, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    throw new FaasmemError("INTERRUPTED", "interrupted: finished profiles are stored", {
      fix: "see them with: faasmem function profile --stored",
      kind: "stopped",
      cause: error,
    });
  } finally {
    progress.stop();
  }
}

interface DeployOptions {
  benchmark: string;
  weights?: string;
  vocab?: string;
  gateway: string;
  json?: boolean;
}

async function deploy(options: DeployOptions): Promise<void> {
  const names = parseFunctions(options.benchmark === "all" ? undefined : options.benchmark);
  const files: { weights?: string; vocabulary?: string } = {};
  if (options.weights) files.weights = resolve(options.weights);
  if (options.vocab) files.vocabulary = resolve(options.vocab);
  if (files.weights) checkWeights(files.weights);
  const rows: { name: string; weights: string }[] = [];
  for (const name of names) {
    let weights = "";
    if (name === "bert") {
      if (!files.weights && !existsSync(weightsPath())) {
        console.error("faasmem: generating 438 MB of weights for bert, once");
      }
      weights = files.weights ?? `generated from seed ${WEIGHTS_SEED}: ${ensureWeights()}`;
    }
    await ask(options.gateway, "/functions", {
      method: "POST",
      body: JSON.stringify({ name, ...(name === "bert" ? files : {}) }),
    });
    rows.push({ name, weights });
  }
  if (options.json) console.log(JSON.stringify(rows));
  else
    for (const { name, weights } of rows)
      console.log(`deployed ${name}${weights ? `   weights: ${weights}` : ""}`);
}

/** Asks a gateway; its answer's text. @throws FaasmemError what it answers, NO_GATEWAY */
async function ask(gateway: string, path: string, request: RequestInit): Promise<string> {
  let response: Response;
  try {
    response = await fetch(`${gateway}${path}`, request);
  } catch (cause) {
    throw noGateway(gateway, cause);
  }
  const text = await response.text();
  if (!response.ok) throw remoteError(text, response.status);
  return text;
}

function noGateway(gateway: string, cause: unknown): FaasmemError {
  return new FaasmemError("NO_GATEWAY", `no gateway answers at ${gateway}`, {
    fix: "start one (faasmem up), or name it with --gateway",
    cause,
  });
}

async function post(gateway: string, name: string, body: string): Promise<Response> {
  try {
    return await fetch(`${gateway}/function/${encodeURIComponent(name)}`, { method: "POST", body });
  } catch (cause) {
    throw noGateway(gateway, cause);
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
