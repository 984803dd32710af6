import { ALPINE_USER, type ContainerFiles, healthCheck, ignore, lines, NOT_READ, type RecipeInput, refused, unpinned } from "../recipe.js";
import { type NodeProject, nodeProject, startOf } from "./nodePackage.js";

/** Modules that are compiled where no prebuilt binary fits, which Alpine's C library often has none of. */
const COMPILED = ["bcrypt", "better-sqlite3", "canvas", "node-sass", "sqlite3", "argon2", "re2", "node-rdkafka"];

/** A Node.js service: installed by its lock, built where it has a build, started as its start script says. */
export function node(input: RecipeInput): ContainerFiles {
  const { sources, port, healthPath } = input;
  const project = nodeProject(sources, input.technology.version);
  if (project === undefined) return refused("There is no package.json that can be read: it does not look like a Node.js application.");
  const { manager, pack, major, findings } = project;
  const start = startOf(sources, project);
  if ("why" in start) return refused(start.why);
  const hasTests = pack.scripts?.test !== undefined && !/no test specified/.test(pack.scripts.test);
  const check = `require('http').get('http://localhost:${port}${healthPath}', (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))`;
  const isCompiled = COMPILED.some((name) => pack.dependencies?.[name] !== undefined);
  const dockerfile = lines(
    ...dependencies(project, isCompiled ? unpinned("DL3018", "RUN apk add --no-cache python3 make g++") : undefined),
    ...tested(project, hasTests),
    "",
    "FROM builder AS production",
    manager.prune,
    "",
    `FROM node:${major}-alpine`,
    ALPINE_USER,
    "WORKDIR /app",
    "COPY --from=production --chown=1001:1001 /app ./",
    `ENV NODE_ENV=production PORT=${port}`,
    "USER 1001",
    `EXPOSE ${port}`,
    healthCheck(["node", "-e", check]),
    `CMD ${JSON.stringify(start.command)}`,
  );
  const said = [
    ...findings,
    ...(sources === undefined ? [NOT_READ] : []),
    ...(hasTests ? [] : ["It has no test script: nothing of it is tested in the image."]),
  ];
  const files = { Dockerfile: dockerfile, ".dockerignore": ignore(["node_modules", "dist", "coverage"]) };
  return { files, findings: said, ...(hasTests ? { testStage: "test" } : {}) };
}

/** The stages that install and build, shared with sites whose output alone is served. */
export function dependencies({ manager, pack, major }: NodeProject, tools?: string): string[] {
  const build = pack.scripts?.build === undefined ? [] : [`RUN ${manager.run("build")}`];
  return [
    "# Installed with what the build and the tests need; the last stage has none of it",
    `FROM node:${major}-alpine AS builder`,
    ...(tools === undefined ? [] : [tools]),
    "WORKDIR /app",
    ...(manager.setUp === undefined ? [] : [manager.setUp]),
    `COPY ${manager.locks.join(" ")} ./`,
    manager.install,
    "COPY . .",
    ...build,
  ];
}

export const tested = ({ manager }: NodeProject, hasTests: boolean): string[] =>
  hasTests
    ? [
        "",
        "# Has the development dependencies, which tests need",
        "FROM builder AS test",
        "ENV NODE_ENV=test",
        `CMD ${JSON.stringify([manager.name, "test"])}`,
      ]
    : [];
