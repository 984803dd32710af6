import type { StackConfig } from "../config/schema.js";
import type { Application } from "../inventory/csv.js";
import type { TechnologyKind } from "../inventory/technology.js";
import { type ContainerFiles, type Recipe, type RecipeInput, refused } from "./recipe.js";
import { dotnet } from "./recipes/dotnet.js";
import { go } from "./recipes/go.js";
import { java } from "./recipes/java.js";
import { node } from "./recipes/node.js";
import { php } from "./recipes/php.js";
import { python } from "./recipes/python.js";
import { ruby } from "./recipes/ruby.js";
import { staticSite } from "./recipes/staticSite.js";
import { has, json, type Sources } from "./sources.js";

export type { ContainerFiles } from "./recipe.js";

const RECIPES: Record<Exclude<TechnologyKind, "other">, Recipe> = { nodejs: node, static: staticSite, python, java, go, dotnet, php, ruby };

/** The file that a technology cannot do without, in the order in which they decide. */
const MARKS: readonly [Exclude<TechnologyKind, "other">, (sources: Sources) => boolean][] = [
  ["java", (s) => has(s, "pom.xml") || has(s, "build.gradle") || has(s, "build.gradle.kts")],
  ["go", (s) => has(s, "go.mod")],
  ["dotnet", (s) => s.files.some((file) => file.endsWith(".csproj"))],
  ["php", (s) => has(s, "composer.json") || has(s, "wp-load.php") || has(s, "index.php")],
  ["ruby", (s) => has(s, "Gemfile")],
  ["python", (s) => ["manage.py", "requirements.txt", "pyproject.toml", "Pipfile"].some((file) => has(s, file))],
  ["nodejs", (s) => has(s, "package.json") && !isFrontEnd(s)],
  ["static", (s) => has(s, "package.json") || s.files.some((file) => /(^|\/)index\.html$/.test(file))],
];

/** Servers of their own; without one, a site that is built is files. */
const SERVERS =
  /^(express|koa|fastify|hapi|@hapi\/hapi|next|nuxt|@nestjs\/core|@remix-run\/serve|hono|restify|ws|socket\.io|@sveltejs\/adapter-node)$/;
const FRONT_ENDS = /^(react-scripts|vite|@vue\/cli-service|@angular\/core|gatsby|@11ty\/eleventy|parcel)$/;

function isFrontEnd(sources: Sources): boolean {
  const pack = json<{ dependencies?: object; devDependencies?: object; scripts?: { start?: string } }>(sources, "package.json");
  const names = Object.keys({ ...pack?.dependencies, ...pack?.devDependencies });
  return (
    names.some((name) => FRONT_ENDS.test(name)) && !names.some((name) => SERVERS.test(name)) && !/^node /.test(pack?.scripts?.start ?? "")
  );
}

export interface ContainerizeOptions {
  /** The application's sources. Without them the usual layout of its technology is assumed, and that is said. */
  sources?: Sources | undefined;
  /** @default 3000 */
  port?: number;
  /** @default "/health" */
  healthPath?: string;
}

/** Where a stack's application listens and answers for its health. */
export const listens = ({ workload }: StackConfig): { port: number; healthPath: string } => ({
  port: workload.containerPort,
  healthPath: workload.probes.liveness.kind === "http" ? workload.probes.liveness.path : "/health",
});

/**
 * Dockerfile and .dockerignore for an application, from its sources, or else from its technology in the inventory:
 * multi-stage, user 1001, tests in a stage that has what they need, a health check that needs neither a shell nor curl where
 * the image has another way. What has no recipe, or whose sources do not say how it is built, gets no files and a finding.
 */
export function containerize(
  application: Application,
  { sources, port = 3_000, healthPath = "/health" }: ContainerizeOptions = {},
): ContainerFiles {
  const { kind: stated, text, version } = application.technology;
  const kind = kindOf(sources, stated);
  if (kind === "other")
    // Built elsewhere, it is as good as one of ours: what it must do is asked of it where it runs.
    return refused(
      `There is no recipe for ${text} here: the image that the stack config names is taken as it was built elsewhere; it must run as a user without rights, with a read-only root file system.`,
    );
  const input: RecipeInput = {
    technology: { kind, text, ...(version === undefined || kind !== stated ? {} : { version }) },
    ...(sources === undefined ? {} : { sources }),
    port,
    healthPath,
  };
  const made = RECIPES[kind](input);
  const differs = kind === stated || sources === undefined ? [] : [`The inventory says ${text}; its sources are ${kind}, and they count.`];
  return { ...made, findings: [...differs, ...made.findings] };
}

/** What the inventory says counts where the sources allow it: a Rails application has a package.json too. */
function kindOf(sources: Sources | undefined, stated: TechnologyKind): TechnologyKind {
  if (sources === undefined) return stated;
  const marked = MARKS.filter(([, isThere]) => isThere(sources)).map(([kind]) => kind);
  return marked.includes(stated as Exclude<TechnologyKind, "other">) ? stated : (marked[0] ?? stated);
}
