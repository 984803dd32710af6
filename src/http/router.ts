import express, { type Request, type RequestHandler, type Router } from "express";
import { z } from "zod";
import type { Caller } from "../access/caller.js";
import type { Migrations } from "../automation/migrations.js";
import { UserError } from "../errors.js";
import { Sampler } from "../portal/sampler.js";
import { bodyOf, paramsOf, queryOf } from "./input.js";
import { openApi } from "./openapi.js";
import { portalAssets } from "./portal.js";
import { methodNotAllowed } from "./problems.js";
import { routes } from "./routes/index.js";
import type { Route, Services } from "./routes/route.js";
import { ProgressStream } from "./stream.js";

export interface RouterOptions {
  migrations: Migrations;
  /** Names the person behind a request. @default the header x-cutover-user, or "anonymous" */
  callerOf?: (request: Request) => Caller;
}

/** The HTTP API and the portal, to mount anywhere. */
export function createCutoverRouter({ migrations, callerOf = callerFromHeader }: RouterOptions): Router {
  const router = express.Router();
  const services: Services = { migrations, stream: new ProgressStream(migrations), sampler: new Sampler(migrations), document: openApi() };
  router.use(portalAssets());
  for (const route of routes) router[route.method](expressPath(route.path), handler(route, services, callerOf));
  for (const path of new Set(routes.map((r) => r.path))) {
    const allowed = routes.filter((r) => r.path === path).map((r) => r.method.toUpperCase());
    router.all(expressPath(path), methodNotAllowed(...allowed));
  }
  return router;
}

/** Access control is a layer of its own; until it is there, people say who they are. */
function callerFromHeader(request: Request): Caller {
  const given = request.get("x-cutover-user")?.trim() || "anonymous";
  if (!/^[\p{L}\p{N} ._@+-]{1,80}$/u.test(given))
    throw new UserError({
      path: "header x-cutover-user",
      got: JSON.stringify(given.slice(0, 40)),
      accepted: "a name of at most 80 letters, digits, spaces and . _ @ + -",
    });
  return { name: given, grants: [{ role: "admin" }] };
}

const NOTHING = z.strictObject({});

const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

/** Checks what came, lets the route answer, and sends that. */
function handler(route: Route, services: Services, callerOf: (request: Request) => Caller): RequestHandler {
  const { status = 200, type } = route.answer;
  return async (request, response) => {
    const answer = await route.handle({
      params: route.params === undefined ? {} : paramsOf(request, route.params),
      query: queryOf(request, route.query ?? NOTHING),
      body: route.body === undefined ? undefined : bodyOf(request, route.body),
      caller: callerOf(request),
      sees: () => true,
      services,
      request,
      response,
    });
    if (type === undefined) response.status(status).json(answer);
  };
}
