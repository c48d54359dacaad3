/**
 * Builds dist/faasmem: C library and preload agent, function host and benchmark bundles, and the compiled
 * executable with all of them inside.
 */
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import packageJson from "../package.json";
import { packKernel } from "./pack.ts";

const root = resolve(import.meta.dir, "..");

function run(what: string, command: string[]): string {
  const started = performance.now();
  const done = Bun.spawnSync(command, { cwd: root, stdout: "pipe", stderr: "pipe" });
  if (!done.success) {
    console.error(`build: ${what} failed: ${command.join(" ")}\n${done.stdout}${done.stderr}`);
    process.exit(1);
  }
  console.log(`build: ${what.padEnd(28)} ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return done.stdout.toString();
}

function commit(): string {
  const git = (...args: string[]) => Bun.spawnSync(["git", "-C", root, ...args], { stderr: "ignore" });
  if (!existsSync(join(root, ".git"))) return "unknown";
  const head = git("rev-parse", "--short=10", "HEAD");
  if (!head.success) return "unknown";
  const dirty = git("status", "--porcelain").stdout.length > 0;
  return `${head.stdout.toString().trim()}${dirty ? "-dirty" : ""}`;
}

const bun = process.execPath;
mkdirSync(join(root, "build/benchmarks"), { recursive: true });
mkdirSync(join(root, "dist"), { recursive: true });

run("C library and agent", ["make", "-C", "ffi", `OUT=${join(root, "build")}`]);

// Needs nothing but libc.
run("bert's matrix product", [
  ...[
    "gcc",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-std=gnu11",
    "-fPIC",
    "-fvisibility=hidden",
    "-shared",
    "-nostartfiles",
  ],
  ...["-Wl,-z,relro,-z,now,-z,noexecstack", "-s", "-o", "build/bert-matrix.so", "benchmarks/bert/matrix.c"],
]);

const bundle = (from: string, to: string) =>
  run(to, [bun, "build", "--target=bun", "--minify", from, "--outfile", join("build", to)]);
bundle("src/sandbox/host.ts", "host.bundle");
for (const name of readdirSync(join(root, "benchmarks"))) {
  if (existsSync(join(root, "benchmarks", name, "handler.ts"))) {
    bundle(`benchmarks/${name}/handler.ts`, `benchmarks/${name}.bundle`);
  }
}

packKernel(root, join(root, "build/kernel.pack"));

const build = {
  version: packageJson.version,
  commit: commit(),
  target: `${process.platform}-${process.arch}`,
};
run("dist/faasmem", [
  bun,
  "build",
  "--compile",
  "--minify",
  "--bytecode",
  "--format=esm",
  // Settings of whatever folder the binary is started in are not ours: a bunfig.toml could run code.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--define",
  `FAASMEM_BUILD=${JSON.stringify(build)}`,
  "src/main.ts",
  "--outfile",
  "dist/faasmem",
]);
const size = statSync(join(root, "dist/faasmem")).size;
console.log(
  `build: dist/faasmem ${(size / 1024 ** 2).toFixed(0)} MiB, version ${build.version}, commit ${build.commit}`,
);
