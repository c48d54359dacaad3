import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";
import { FaasmemError } from "../base/errors.ts";
import { errorResponse } from "../worker/app.ts";

/** A worker, near or far: anything that answers requests. */
export type WorkerClient = (request: Request) => Response | Promise<Response>;

/** Largest body of a request, as in AWS Lambda's synchronous invocations (6 MB). */
const MAX_BODY_BYTES = 6 * 1024 * 1024;

const MAX_ORDER_BYTES = 64 * 1024;

const functionName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);

/**
 * The front door: POST /function/NAME; GET and POST /functions; GET, PATCH and DELETE
 * /functions/NAME; GET /functions/NAME/pages; GET /stats; GET /healthz.
 */
export function gatewayApp(worker: WorkerClient): Hono {
  const app = new Hono();
  app.post(
    "/function/:name",
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        throw new FaasmemError("TOO_LARGE", `a request body may have ${MAX_BODY_BYTES} bytes at most`, {
          fix: "pass large inputs by reference",
        });
      },
    }),
    async (c) => {
      const name = functionName.safeParse(c.req.param("name"));
      if (!name.success) {
        throw new FaasmemError(
          "UNKNOWN_FUNCTION",
          "function names are lower-case letters, digits and dashes",
          {
            fix: "see GET /functions",
          },
        );
      }
      const body = await c.req.text();
      if (body !== "") assertJson(body);
      return worker(
        new Request(`http://worker/run/${name.data}`, {
          method: "POST",
          body: body || "{}",
          headers: { "content-type": "application/json" },
        }),
      );
    },
  );
  app.post("/functions", bodyLimit({ maxSize: MAX_ORDER_BYTES }), async (c) =>
    worker(new Request("http://worker/functions", { method: "POST", body: await c.req.text() })),
  );
  const inner = (name: string) => `http://worker/functions/${encodeURIComponent(name)}`;
  app.get("/functions/:name", (c) => worker(new Request(inner(c.req.param("name")))));
  app.get("/functions/:name/pages", (c) => worker(new Request(`${inner(c.req.param("name"))}/pages`)));
  app.patch("/functions/:name", bodyLimit({ maxSize: MAX_ORDER_BYTES }), async (c) =>
    worker(new Request(inner(c.req.param("name")), { method: "PATCH", body: await c.req.text() })),
  );
  app.delete("/functions/:name", (c) =>
    worker(new Request(inner(c.req.param("name")), { method: "DELETE" })),
  );
  for (const path of ["/stats", "/functions"])
    app.get(path, () => worker(new Request(`http://worker${path}`)));
  app.get("/healthz", (c) => c.text("ok"));
  app.notFound((c) =>
    errorResponse(
      c,
      new FaasmemError("UNKNOWN_FUNCTION", `nothing at ${c.req.path}`, {
        fix: "POST /function/NAME invokes a function",
      }),
    ),
  );
  app.onError((error, c) => errorResponse(c, error));
  return app;
}

function assertJson(body: string): void {
  try {
    JSON.parse(body);
  } catch (error) {
    throw new FaasmemError("BAD_REQUEST", `the body is not JSON: ${(error as Error).message}`, {
      fix: 'send a JSON value, for example {"id":1}',
    });
  }
}
