import { fileURLToPath } from "node:url";
import express, { type Request, type Response, type Router } from "express";
import type { Command, PathItem } from "../automation/entries.js";
import type { Migrations } from "../automation/migrations.js";
import { configChanges } from "../config/stackFile.js";
import { NotFound, UserError } from "../errors.js";
import { SCORED_GATES, scorecard } from "../report/scorecard.js";
import { bodies, bodyOf, numberIn } from "./bodies.js";
import { methodNotAllowed } from "./problems.js";
import { ProgressStream } from "./stream.js";
import { entryView, migrationView, revisionView, stepView } from "./views.js";

export interface RouterOptions {
  migrations: Migrations;
  /** Names the person behind a request. @default the header x-cutover-user, or "anonymous" */
  callerOf?: (request: Request) => string;
}

const PAGE = fileURLToPath(new URL("./page/", import.meta.url));
const MOST_ENTRIES = 1_000;

/** The HTTP API and the status page, to mount anywhere. */
export function createCutoverRouter({ migrations, callerOf = callerFromHeader }: RouterOptions): Router {
  const router = express.Router();
  const stackOf = (request: Request): string => String(request.params.stack);

  router.get("/healthz", (_, response) => void response.json({ status: "ok" }));
  router.use(express.static(PAGE, { index: "index.html", redirect: false }));
  const progress = new ProgressStream(migrations);
  router.get("/v1/events", (request, response) => progress.serve(request, response));
  router.all("/v1/events", methodNotAllowed("GET"));

  const view = async (stack: string) => migrationView(await migrations.get(stack), migrations.isRunning(stack));
  router.get("/v1/migrations", async (_, response) => {
    const all = await migrations.list();
    response.json({ migrations: all.map((m) => migrationView(m, migrations.isRunning(m.stack))) });
  });
  router.post("/v1/migrations", async (request, response) => {
    const { stack } = bodyOf(request, bodies.create);
    await migrations.create(stack, callerOf(request));
    response
      .status(201)
      .location(`/v1/migrations/${stack}`)
      .json(await view(stack));
  });
  router.all("/v1/migrations", methodNotAllowed("GET", "POST"));

  const read = (path: string, answer: (request: Request, response: Response) => Promise<void>): void => {
    router.get(`/v1/migrations/:stack${path}`, answer);
    router.all(`/v1/migrations/:stack${path}`, methodNotAllowed("GET"));
  };
  read("", async (request, response) => void response.json(await view(stackOf(request))));
  read("/plan", async (request, response) => {
    const migration = await migrations.get(stackOf(request));
    response.json({ position: migration.state.position, steps: migration.plan.map((s) => stepView(s, migration)) });
  });
  read("/journal", async (request, response) => {
    const after = numberIn(request, "after", 0);
    const limit = Math.min(numberIn(request, "limit", 200), MOST_ENTRIES);
    const entries = (await migrations.journal(stackOf(request))).filter((e) => e.seq > after).slice(0, limit);
    response.json({ entries: entries.map(entryView), next: entries.length === limit ? entries.at(-1)?.seq : undefined });
  });
  read("/revisions", async (request, response) => {
    const { state } = await migrations.get(stackOf(request));
    response.json({ current: state.revision, revisions: state.revisions.map(revisionView) });
  });
  read("/revisions/:number/diff", async (request, response) => {
    const { state, stack } = await migrations.get(stackOf(request));
    const revision = (number: number) => {
      const found = state.revisions.find((r) => r.number === number);
      if (found === undefined)
        throw new NotFound(`${stack} has no revision ${number}.`, { next: `Its revisions are 0 to ${state.revisions.at(-1)?.number}.` });
      return found;
    };
    const number = Number(request.params.number);
    if (!Number.isInteger(number))
      throw new UserError({ path: "revision", got: JSON.stringify(request.params.number), accepted: "the number of a revision" });
    const against = numberIn(request, "against", Math.max(0, number - 1));
    response.json({ from: against, to: number, changes: configChanges(revision(against).config, revision(number).config) });
  });
  read(
    "/way-back",
    async (request, response) =>
      void response.json(withoutConfigs(await migrations.wayBack(stackOf(request), numberIn(request, "revision", undefined)))),
  );
  read("/scorecard", async (request, response) => {
    const { plan, state } = await migrations.get(stackOf(request));
    response.json(scorecard({ plan, state, ...(await migrations.observeNow(stackOf(request), SCORED_GATES)) }));
  });
  read("/verify", async (request, response) => {
    const faults = await migrations.verify(stackOf(request));
    response.json({ intact: faults.length === 0, faults });
  });
  read("/files/:name", async (request, response) => {
    const content = await migrations.file(stackOf(request), String(request.params.name));
    if (content === undefined) throw new NotFound(`${stackOf(request)} has no file ${request.params.name}.`);
    response.attachment(String(request.params.name)).type("text/plain").send(content);
  });

  router.post("/v1/migrations/:stack/preview", async (request, response) => {
    const { step, preview, wayBack } = await migrations.previewNext(stackOf(request));
    const migration = await migrations.get(stackOf(request));
    response.json({
      step: step === undefined ? undefined : stepView(step, migration),
      preview,
      wayBack: wayBack === undefined ? undefined : withoutConfigs(wayBack),
    });
  });
  router.all("/v1/migrations/:stack/preview", methodNotAllowed("POST"));

  const command = <K extends Exclude<keyof typeof bodies, "create">>(name: K): void => {
    router.post(`/v1/migrations/:stack/${name}`, async (request, response) => {
      const body = bodyOf(request, bodies[name]);
      await migrations.command(stackOf(request), { command: name, ...(body as object) } as Command, callerOf(request));
      response.status(202).json(await view(stackOf(request)));
    });
    router.all(`/v1/migrations/:stack/${name}`, methodNotAllowed("POST"));
  };
  for (const name of ["advance", "approve", "refuse", "promote", "pause", "resume", "rollback", "emergency", "abort"] as const)
    command(name);
  return router;
}

/** Access control is a layer of its own; until it is there, people say who they are. */
function callerFromHeader(request: Request): string {
  const given = request.get("x-cutover-user")?.trim();
  if (given === undefined || given === "") return "anonymous";
  if (!/^[\p{L}\p{N} ._@+-]{1,80}$/u.test(given))
    throw new UserError({
      path: "header x-cutover-user",
      got: JSON.stringify(given.slice(0, 40)),
      accepted: "a name of at most 80 letters, digits, spaces and . _ @ + -",
    });
  return given;
}

/** A way back as people read it: what runs, and what config it leads to by its differences only. */
function withoutConfigs(way: Awaited<ReturnType<Migrations["wayBack"]>>) {
  return {
    ...way,
    path: way.path.map((item) => (item.kind === "config" ? withoutConfig(item) : item)),
  };
}

function withoutConfig({ config: _, ...item }: Extract<PathItem, { kind: "config" }>) {
  return item;
}
