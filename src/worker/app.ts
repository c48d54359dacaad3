import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";
import { FaasmemError, toFaasmemError } from "../base/errors.ts";
import type { PolicyFactory } from "../memory/policy.ts";
import { policyChanges } from "../memory/settings.ts";
import type { Invocation } from "./pool.ts";
import type { Worker } from "./worker.ts";

/** HTTP status of an error code; everything else is the server's fault. */
const statuses: Record<string, ContentfulStatusCode> = {
  UNKNOWN_FUNCTION: 404,
  UNKNOWN_SYSTEM: 400,
  NO_ENGINE: 409,
  BAD_REQUEST: 400,
  TOO_LARGE: 413,
  OVERLOADED: 503,
  STOPPING: 503,
  SANDBOX_DIED: 502,
  SANDBOX_LOST: 502,
};

/** Any error as the JSON that clients get: `{error:{code,message,fix}}`. */
export function errorResponse(c: Context, thrown: unknown): Response {
  const { code, message, fix } = toFaasmemError(thrown);
  return c.json({ error: { code, message, fix } }, statuses[code] ?? 500);
}

/** What `POST /functions` takes: a built-in function, for `bert` with the user's checkpoint. */
export const deployment = z.strictObject({
  name: z.string().max(64),
  weights: z.string().startsWith("/").max(4096).optional(),
  vocabulary: z.string().startsWith("/").max(4096).optional(),
});

/** What `PATCH /functions/NAME` takes. */
export const configuration = z.strictObject({
  system: z.string().min(1).max(64).optional(),
  settings: policyChanges.optional(),
});

/** @throws FaasmemError BAD_REQUEST */
function parseBody<T>(schema: z.ZodType<T>, body: unknown, example: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new FaasmemError("BAD_REQUEST", z.prettifyError(parsed.error).replaceAll("\n", " "), {
    fix: `send ${example}`,
  });
}

/** What a request cost: for people and browsers (Server-Timing, in ms), and for the load generator. */
function costHeaders(answer: Invocation): Record<string, string> {
  const { segments } = answer;
  const timing = [
    `queue;dur=${answer.queuedMs.toFixed(3)};desc="${answer.start} start"`,
    `function;dur=${answer.durationMs.toFixed(3)}`,
    `stall;dur=${answer.stallMs.toFixed(3)};desc="${answer.recalledPages} pages recalled, ${answer.recallFaults} faults"`,
  ];
  return {
    "Server-Timing": timing.join(", "),
    "X-Faasmem-Start": answer.start,
    "X-Faasmem-Duration-Ms": answer.durationMs.toFixed(3),
    "X-Faasmem-Recalled-Pages": String(answer.recalledPages),
    "X-Faasmem-Recall-Faults": String(answer.recallFaults),
    "X-Faasmem-Stall-Ms": answer.stallMs.toFixed(3),
    ...(segments && {
      "X-Faasmem-Segments": `runtime=${segments.runtime},init=${segments.init},execution=${segments.execution}`,
    }),
  };
}

/**
 * The worker's HTTP side: POST /run/NAME; GET and POST /functions; GET, PATCH and DELETE /functions/NAME;
 * GET /functions/NAME/pages; GET /stats; GET /healthz.
 * @param deploy makes a function from a deployment and gives it to the worker
 * @param resolve makes a policy of a system's name
 */
export function workerApp(
  worker: Worker,
  deploy: (wanted: z.infer<typeof deployment>) => Promise<void>,
  resolve: (system: string) => Promise<PolicyFactory>,
): Hono {
  const app = new Hono();
  app.post("/run/:name", async (c) => {
    const answer = await worker.invoke(c.req.param("name"), await c.req.json());
    return c.json(answer.result as object, 200, costHeaders(answer));
  });
  app.get("/stats", (c) => c.json(worker.stats()));
  app.get("/functions", (c) =>
    c.json(worker.functions.map(({ name, quotaMiB, initWindow }) => ({ name, quotaMiB, initWindow }))),
  );
  app.post("/functions", async (c) => {
    const wanted = parseBody(deployment, await c.req.json().catch(() => null), '{"name": "web"}');
    await deploy(wanted);
    return c.json({ deployed: wanted.name });
  });
  app.get("/functions/:name", async (c) => c.json(await worker.describe(c.req.param("name"))));
  app.get("/functions/:name/pages", async (c) => c.json(await worker.pages(c.req.param("name"))));
  app.patch("/functions/:name", async (c) => {
    const wanted = parseBody(
      configuration,
      await c.req.json().catch(() => null),
      '{"settings": {"keepAliveS": 300}}',
    );
    const name = c.req.param("name");
    const { system, settings } = wanted;
    const policy = system === undefined ? undefined : await resolve(system);
    worker.configure(name, { system, policy, settings });
    return c.json(await worker.describe(name));
  });
  app.delete("/functions/:name", async (c) => {
    await worker.remove(c.req.param("name"));
    return c.json({ removed: c.req.param("name") });
  });
  app.get("/healthz", (c) => c.text("ok"));
  app.onError((error, c) => errorResponse(c, error));
  return app;
}
