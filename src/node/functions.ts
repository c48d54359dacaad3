import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BertFiles, prepareBert, weightsPath } from "../../benchmarks/bert/prepare.ts";
import { benchmarks } from "../../benchmarks/index.ts";
import { assets } from "../assets.ts";
import { FaasmemError } from "../base/errors.ts";
import { selfCommand } from "../base/self.ts";
import { type FunctionSpec, unknownFunction } from "../worker/function-spec.ts";

/** Copies an embedded file to where a sandbox can read it, private to this user. */
export async function unpack(asset: string, to: string): Promise<string> {
  writeFileSync(to, await Bun.file(asset).bytes(), { mode: 0o600 });
  chmodSync(to, 0o600);
  return to;
}

/**
 * A built-in function, ready for a worker.
 *
 * @param folder private folder of the node
 * @param files the user's own checkpoint, for `bert`
 * @throws FaasmemError UNKNOWN_FUNCTION
 */
export async function builtInFunction(
  name: string,
  folder: string,
  files: BertFiles = {},
): Promise<FunctionSpec> {
  const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
  if (!benchmark) throw unknownFunction(name, Object.keys(benchmarks));
  const { quotaMiB, initWindow } = benchmark;
  const modulePath = await unpack(assets.benchmarks[name]!, join(folder, `${name}.js`));
  const spec: FunctionSpec = { name, modulePath, quotaMiB, initWindow };
  if (name !== "bert") return spec;
  let prepared: Promise<Record<string, string>> | undefined;
  return {
    ...spec,
    environment: () => {
      prepared ??= prepare(folder, files).catch((error) => {
        prepared = undefined; // the next start tries again
        throw error;
      });
      return prepared;
    },
  };
}

async function prepare(folder: string, files: BertFiles): Promise<Record<string, string>> {
  const weights = files.weights ?? (await generatedWeights());
  return prepareBert(await Bun.file(assets.bertMatrix).bytes(), folder, { ...files, weights });
}

/** Generated weights, made by a process of their own when they are missing: seconds of work, off the event loop. */
async function generatedWeights(): Promise<string> {
  const path = weightsPath();
  if (existsSync(path)) return path;
  const child = Bun.spawn(selfCommand(["function", "generate-weights"]), {
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = (await new Response(child.stderr).text()).trim();
  if ((await child.exited) === 0) return path;
  throw new FaasmemError("NO_WEIGHTS", said.split("\n")[0] || "the weights of bert cannot be generated", {
    fix: /fix: (.*)/.exec(said)?.[1] ?? "see: faasmem function deploy --help",
  });
}
