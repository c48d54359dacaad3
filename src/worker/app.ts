import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";
import { FaasmemError, toFaasmemError } from "../base/errors.ts";
import type { Worker } from "./worker.ts";

/** HTTP status of an error code; everything else is the server's fault. */
const statuses: Record<string, ContentfulStatusCode> = {
  UNKNOWN_FUNCTION: 404,
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

/**
 * The worker's HTTP side: POST /run/NAME, GET and POST /functions, DELETE /functions/NAME, GET /stats, GET /healthz.
 * @param deploy makes a function from a deployment and gives it to the worker
 */
export function workerApp(
  worker: Worker,
  deploy: (wanted: z.infer<typeof deployment>) => Promise<void>,
): Hono {
  const app = new Hono();
  app.post("/run/:name", async (c) => {
    const answer = await worker.invoke(c.req.param("name"), await c.req.json());
    return c.json(answer.result as object, 200, {
      "X-Faasmem-Start": answer.start,
      "X-Faasmem-Duration-Ms": answer.durationMs.toFixed(3),
      "X-Faasmem-Recalled-Pages": String(answer.recalledPages),
    });
  });
  app.get("/stats", (c) => c.json(worker.stats()));
  app.get("/functions", (c) =>
    c.json(worker.functions.map(({ name, quotaMiB, initWindow }) => ({ name, quotaMiB, initWindow }))),
  );
  app.post("/functions", async (c) => {
    const wanted = deployment.safeParse(await c.req.json().catch(() => null));
    if (!wanted.success) {
      throw new FaasmemError("BAD_REQUEST", z.prettifyError(wanted.error).replaceAll("\n", " "), {
        fix: 'send {"name": "web"}',
      });
    }
    await deploy(wanted.data);
    return c.json({ deployed: wanted.data.name });
  });
  app.delete("/functions/:name", async (c) => {
    await worker.remove(c.req.param("name"));
    return c.json({ removed: c.req.param("name") });
  });
  app.get("/healthz", (c) => c.text("ok"));
  app.onError((error, c) => errorResponse(c, error));
  return app;
}
