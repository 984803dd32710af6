import type { Request, RequestHandler, Router } from "express";
import express from "express";
import { z } from "zod";
import { type Caller, may, mayEverywhere } from "../access/caller.js";
import type { Migrations } from "../automation/migrations.js";
import type { Turns } from "../automation/run/turns.js";
import { Forbidden } from "../errors.js";
import type { Operations } from "../operations/operations.js";
import { Sampler } from "../readModels/sampler.js";
import { type Authenticate, authentication, callerOfRequest } from "./authentication.js";
import { parseBody, readSigned } from "./body.js";
import { bodyOf, idempotencyKeyOf, paramsOf, queryOf } from "./input.js";
import type { Limits } from "./limits.js";
import { openApi } from "./openapi.js";
import { entranceAssets, portalAssets } from "./portal.js";
import { methodNotAllowed, problems, requestIds } from "./problems.js";
import { routes } from "./routes/index.js";
import type { Context, Route, Services } from "./routes/route.js";
import type { SignIn } from "./signIn.js";
import { ProgressStream } from "./stream.js";

export interface RouterOptions {
  migrations: Migrations;
  /** Names who is behind a request, and what they may do: the host application's own way. */
  authenticate: Authenticate;
  /** Folder whose rehearsals are shown. @default none */
  rehearsals?: string | undefined;
  /** @default none: the host application's business */
  limits?: Limits;
  /** How browsers get in. @default none: the host application's business */
  signIn?: SignIn;
  /** Whether pages of other origins load the portal's elements: program files without data, which then need no credential. @default false */
  elementsForOthers?: boolean;
  /** What /readyz and /metrics tell. @default the host application's business */
  operations?: Operations | undefined;
  /** Where unexpected errors are written. @default standard error */
  log?: (line: string) => void;
}

const NOTHING = z.strictObject({});

/** The HTTP API and the portal, to mount below any path of an Express application. */
export function createCutoverRouter({
  migrations,
  authenticate,
  rehearsals,
  limits,
  signIn,
  elementsForOthers = false,
  operations,
  log = (line) => void process.stderr.write(`${line}\n`),
}: RouterOptions): Router {
  const router = express.Router();
  const services: Services = {
    migrations,
    rehearsals,
    stream: new ProgressStream(migrations),
    sampler: new Sampler(migrations),
    operations,
    document: openApi(),
  };
  router.use(requestIds);
  mount(
    router,
    routes.filter((r) => r.needs === "nobody"),
    services,
  );
  router.use(inTurn(migrations.turns));
  const assets = portalAssets();
  if (signIn !== undefined) router.use(signIn.entrance, entranceAssets(assets));
  if (elementsForOthers) router.use(exceptPage(assets));
  router.use(readSigned(limits));
  router.use(authentication(authenticate, limits?.failures));
  if (limits !== undefined) router.use(limits.requests);
  router.use(exceptApi(assets));
  router.use(parseBody);
  mount(
    router,
    routes.filter((r) => r.needs !== "nobody"),
    services,
  );
  if (signIn !== undefined) router.use(signIn.refused);
  router.use(problems(log));
  return router;
}

/** What does something, a message of an alert too, goes at once; whoever looks does so in turn, before anything is done for it. */
const inTurn =
  (turns: Turns): RequestHandler =>
  (request, _response, next) =>
    doesSomething(request) ? next() : void turns.turn().then(() => next());

const DOING = routes
  .filter((r) => r.method === "post" && r.needs !== "viewer")
  .map((r) => ({ method: r.method.toUpperCase(), path: new RegExp(`^${r.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`) }));
const doesSomething = ({ method, path }: Request): boolean => DOING.some((c) => c.method === method && c.path.test(path));

/** No file has the address of a route: none is looked for there. */
const exceptApi =
  (assets: RequestHandler): RequestHandler =>
  (request, response, next) =>
    request.path.startsWith("/v1/") ? next() : assets(request, response, next);

/** The page itself is for those who are let in. */
const exceptPage =
  (assets: RequestHandler): RequestHandler =>
  (request, response, next) =>
    request.path === "/" || request.path.endsWith(".html") ? next() : assets(request, response, next);

function mount(router: Router, some: readonly Route[], services: Services): void {
  for (const route of some) router[route.method](expressPath(route.path), handler(route, services));
  for (const path of new Set(some.map((r) => r.path))) {
    const allowed = some.filter((r) => r.path === path).map((r) => r.method.toUpperCase());
    router.all(expressPath(path), methodNotAllowed(...allowed));
  }
}

const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

/** Checks what came and who sent it, lets the route answer, and sends that. */
function handler(route: Route, services: Services): RequestHandler {
  const { status = 200, type } = route.answer;
  return async (request, response) => {
    const caller = route.needs === "nobody" ? NOBODY : callerOfRequest(request);
    const idempotencyKey = route.repeatable === true ? idempotencyKeyOf(request) : undefined;
    const context: Context = {
      params: route.params === undefined ? {} : paramsOf(request, route.params),
      query: queryOf(request, route.query ?? NOTHING),
      body: route.body === undefined ? undefined : bodyOf(request, route.body),
      caller,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      sees: (scope) => may(caller, "viewer", scope),
      services,
      request,
      response,
    };
    if (route.needs !== "nobody") await authorize(route, context);
    const answer = await route.handle(context);
    if (type === undefined) response.status(status).json(answer);
  };
}

const NOBODY: Caller = { name: "nobody", grants: [] };

/** @throws NotFound for a stack that the caller may not see, Forbidden without the role that the route needs */
async function authorize({ needs, about, ofAll }: Route, { caller, sees, params, body, services }: Context): Promise<void> {
  if (needs === "nobody") return;
  const stack = about?.({ params, body }) ?? (params as { stack?: string }).stack;
  if (stack === undefined) {
    if (ofAll === true && !mayEverywhere(caller, needs))
      throw new Forbidden(`${caller.name} does not have the role ${needs} for every application in every environment.`);
    if (!may(caller, needs)) throw new Forbidden(`${caller.name} does not have the role ${needs} anywhere.`);
    return;
  }
  // Only what makes a migration is about a stack that has none yet.
  if (about === undefined) await services.migrations.requireBegun(stack);
  const scope = await services.migrations.scopeOf(stack);
  if (!sees(scope)) throw services.migrations.absent(stack);
  if (!may(caller, needs, scope))
    throw new Forbidden(`${caller.name} does not have the role ${needs} for ${scope.application} in ${scope.environment}.`);
}
