import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { toFaasmemError } from "../base/errors.ts";
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

/** The worker's HTTP side: POST /run/NAME, GET /stats, GET /functions, GET /healthz. */
export function workerApp(worker: Worker): Hono {
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
  app.get("/healthz", (c) => c.text("ok"));
  app.onError((error, c) => errorResponse(c, error));
  return app;
}
