import { rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { assets, engineFiles } from "../assets.ts";
import { type ChildRole, startChild } from "../base/child.ts";
import { createClock } from "../base/clock.ts";
import { FaasmemError } from "../base/errors.ts";
import { runFolder } from "../base/paths.ts";
import { gatewayApp } from "../gateway/app.ts";
import { OffloadBandwidth } from "../memory/bandwidth.ts";
import { RequestsFirst } from "../memory/requests-first.ts";
import { policySettings } from "../memory/settings.ts";
import { isUnmanaged, policyOf, resolvePolicy } from "../memory/systems.ts";
import { assertLoopback } from "../pool/server.ts";
import { openStore } from "../results/store.ts";
import type { MemoryEngine } from "../sandbox/attachment.ts";
import type { CgroupFolder } from "../sandbox/cgroup.ts";
import { workerApp } from "../worker/app.ts";
import type { FunctionSpec } from "../worker/function-spec.ts";
import type { LearnedStore } from "../worker/pool.ts";
import { Worker } from "../worker/worker.ts";
import { builtInFunction, unpack } from "./functions.ts";
import type { NodeOptions } from "./options.ts";

const DRAIN_MS = 10_000;

/** Everything of one machine, running: memory server (a child process), worker, gateway. */
export interface RunningNode {
  /** URL of the gateway. */
  gateway: string;
  /** HOST:PORT of the memory server; null on the swap plane, and for a system that moves nothing. */
  server: string | null;
  /** Answers running requests (10 s at most), then ends sandboxes and server and removes the run folder. */
  close(): Promise<void>;
}

/**
 * Starts a node.
 * @param warn gets one line about what a user should know while it runs
 * @throws FaasmemError UNKNOWN_SYSTEM, NOT_LOOPBACK, PORT_IN_USE, NO_USERFAULTFD, KERNEL_TOO_OLD, CHILD_START, ...
 */
export async function startNode(options: NodeOptions, warn: (line: string) => void): Promise<RunningNode> {
  assertLoopback(options.host);
  const policy = await resolvePolicy(options.system);
  const undo: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const folder = runFolder();
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const hostPath = await unpack(assets.host, join(folder, "host.js"));
    const functions: FunctionSpec[] = [];
    for (const name of options.functions) functions.push(await builtInFunction(name, folder));
    let engine: MemoryEngine | null = null;
    let server: string | null = null;
    let cgroups: CgroupFolder | null = null;
    if (!isUnmanaged(options.system)) {
      const { openEngine, openSwapEngine } = await import("../../ffi/index.ts");
      const files = await engineFiles();
      if (options.plane === "swap") {
        engine = openSwapEngine(files.library);
      } else {
        let address = options.server;
        if (!address) {
          const child = await startServer(options.poolBytes);
          undo.push(() => child.stop());
          address = child.ready;
        }
        server = `${address.host}:${address.port}`;
        engine = openEngine({ pool: address, ...files });
      }
      const opened = engine;
      undo.push(() => opened.close());
      engine.useTracker(options.tracker);
      if (engine.tracker === "mglru") {
        const { openCgroups } = await import("../sandbox/cgroup.ts");
        const folder = openCgroups();
        undo.push(() => folder.close());
        cgroups = folder;
      }
      engine.onPoolLost(() =>
        warn(
          "the memory server is gone: sandboxes with remote pages were ended, new ones run without offload",
        ),
      );
    }
    const settings = policySettings.parse({
      keepAliveS: options.keepAliveS,
      semiWarmDelayS: options.semiWarmDelayS,
      initWindow: options.initWindow ?? null,
      p95Budget: options.p95Budget,
    });
    const clock = createClock(options.timeScale);
    const worker = new Worker(functions, {
      clock,
      engine,
      system: options.system,
      policy,
      settings,
      bandwidth: new OffloadBandwidth(clock, options.offloadBytesPerS ?? undefined),
      requests: new RequestsFirst(clock),
      learned: options.learned ? learnedStore(undo, warn) : null,
      warn,
      maxSandboxes: options.maxSandboxes,
      runFolder: folder,
      hostPath,
      cgroups,
    });
    undo.push(() => worker.close());
    const inner = workerApp(
      worker,
      async ({ name, ...files }) => worker.deploy(await builtInFunction(name, folder, files)),
      async (system) => {
        // Files are for who starts the node: over HTTP only what it has loaded, and what is built in.
        if (system === options.system) return policy;
        if (!isUnmanaged(system) && !engine) throw noEngine(system);
        return policyOf(system);
      },
    );
    const outer = gatewayApp((request) => inner.fetch(request));
    const listener = listen(options, (request) => outer.fetch(request));
    undo.push(() => drain(listener));
    return { gateway: `http://${options.host}:${listener.port}`, server, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function noEngine(system: string): FaasmemError {
  return new FaasmemError(
    "NO_ENGINE",
    `this node runs without memory engine: it cannot have system ${system}`,
    {
      fix: "start the node with --system faasmem",
    },
  );
}

/** Where what was learned is kept. A node runs without, when it cannot be opened. */
function learnedStore(undo: (() => void)[], warn: (line: string) => void): LearnedStore | null {
  try {
    const store = openStore();
    undo.push(() => store.close());
    return {
      load: (name) => store.loadLearned(name),
      save: (name, history) => {
        try {
          store.saveLearned(name, history);
        } catch (error) {
          warn(`what was learned of ${name} cannot be kept: ${(error as Error).message}`);
        }
      },
    };
  } catch (error) {
    warn(`what was learned before cannot be read: ${(error as Error).message}`);
    return null;
  }
}

function listen(options: NodeOptions, fetch: (request: Request) => Response | Promise<Response>) {
  try {
    // A cold start under load may take longer than Bun's 10 s of silence.
    return Bun.serve({ hostname: options.host, port: options.port, fetch, idleTimeout: 255 });
  } catch (error) {
    throw new FaasmemError("PORT_IN_USE", `cannot listen on ${options.host}:${options.port}`, {
      fix: "stop what uses the port, or choose another with --port (0 = any free one)",
      cause: error,
    });
  }
}

async function drain(listener: { stop(force?: boolean): Promise<void> }): Promise<void> {
  await Promise.race([listener.stop(), Bun.sleep(DRAIN_MS)]);
  await listener.stop(true);
}

const serverReady = z.object({ address: z.string() });

function startServer(bytes: number): Promise<ChildRole<{ host: string; port: number }>> {
  return startChild(["server", "--port", "0", "--capacity", String(bytes), "--ready-json"], (value) => {
    const { address } = serverReady.parse(value);
    const at = address.lastIndexOf(":");
    return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
  });
}
