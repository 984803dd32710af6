import { found } from "../recipe.js";
import { has, json, type Sources } from "../sources.js";

export interface Package {
  main?: string;
  packageManager?: string;
  engines?: { node?: string };
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

/** How a package manager installs what the lock says, runs a script, and drops what only the build needed. */
export interface Manager {
  name: "npm" | "yarn" | "pnpm";
  /** Files that its installation reads. */
  locks: string[];
  /** Before the first command. */
  setUp?: string;
  install: string;
  run: (script: string) => string;
  prune: string;
}

const COREPACK = "RUN corepack enable";

/** Oldest Node.js with security updates, since April 2026. Source: nodejs.org's release schedule. */
export const OLDEST_NODE = 22;

export interface NodeProject {
  manager: Manager;
  pack: Package;
  major: number;
  findings: string[];
}

/** Reads package.json and what lies beside it. Undefined without one. */
export function nodeProject(sources: Sources | undefined, version: string | undefined): NodeProject | undefined {
  const findings: string[] = [];
  if (sources === undefined) {
    const manager = npm(["package*.json"], "npm ci");
    return { manager, pack: { scripts: { build: "", test: "" }, main: "dist/server.js" }, major: majorOf(version, findings), findings };
  }
  const pack = json<Package>(sources, "package.json");
  if (pack === undefined) return undefined;
  const stated = found([sources.text(".nvmrc"), sources.text(".node-version"), pack.engines?.node, version], /^\s*v?[^\d]*(\d+)/);
  return { manager: managerOf(sources, pack, findings), pack, major: majorOf(stated, findings), findings };
}

function majorOf(stated: string | undefined, findings: string[]): number {
  const wanted = stated === undefined ? OLDEST_NODE : Number.parseInt(stated, 10);
  const major = Math.max(wanted, OLDEST_NODE);
  if (wanted < OLDEST_NODE) findings.push(`Node.js ${wanted} gets no security updates; the image uses Node.js ${major}.`);
  // Releases with an odd number are never supported for long.
  if (major % 2 === 1) findings.push(`Node.js ${major} is no long-term release.`);
  return major;
}

const npm = (locks: string[], install: string): Manager => ({
  name: "npm",
  locks,
  install: `RUN ${install}`,
  run: (script) => `npm run ${script}`,
  prune: "RUN npm prune --omit=dev && npm cache clean --force",
});

function managerOf(sources: Sources, pack: Package, findings: string[]): Manager {
  const lock = ["pnpm-lock.yaml", "yarn.lock", "package-lock.json", "npm-shrinkwrap.json"].filter((file) => has(sources, file));
  const named = /^(npm|yarn|pnpm)@/.exec(pack.packageManager ?? "")?.[1];
  if (lock.length > 1) findings.push(`There are several lock files (${lock.join(", ")}); ${named ?? lock[0]} counts.`);
  const wanted = named ?? (lock[0]?.startsWith("pnpm") ? "pnpm" : lock[0] === "yarn.lock" ? "yarn" : "npm");
  if (wanted === "pnpm" && has(sources, "pnpm-lock.yaml"))
    return {
      name: "pnpm",
      locks: ["package.json", "pnpm-lock.yaml"],
      setUp: COREPACK,
      install: "RUN pnpm install --frozen-lockfile",
      run: (script) => `pnpm run ${script}`,
      prune: "RUN CI=true pnpm prune --prod",
    };
  if (wanted === "yarn" && has(sources, "yarn.lock")) return yarn(sources, pack);
  const own = lock.find((file) => file.endsWith(".json"));
  if (own !== undefined) return npm(["package.json", own], "npm ci");
  if (has(sources, "bun.lock") || has(sources, "bun.lockb"))
    findings.push("Bun's lock file is not read: each build chooses its versions itself.");
  else findings.push("There is no lock file: each build chooses its versions itself. Commit one.");
  return npm(["package.json"], "npm install");
}

/** Yarn 1 and later ones differ in every command. */
function yarn(sources: Sources, pack: Package): Manager {
  const isModern = has(sources, ".yarnrc.yml") || /^yarn@([2-9]|\d\d)/.test(pack.packageManager ?? "");
  const shared = { name: "yarn" as const, setUp: COREPACK, run: (script: string) => `yarn run ${script}` };
  if (isModern) {
    const locks = ["package.json", "yarn.lock", ...(has(sources, ".yarnrc.yml") ? [".yarnrc.yml"] : [])];
    // Plug'n'Play keeps no node_modules, which the image's own command looks in.
    return {
      ...shared,
      locks,
      install: "ENV YARN_NODE_LINKER=node-modules\nRUN yarn install --immutable",
      prune: "RUN yarn workspaces focus --all --production",
    };
  }
  const install = "RUN yarn install --frozen-lockfile";
  return { ...shared, locks: ["package.json", "yarn.lock"], install, prune: `${install} --production --ignore-scripts --prefer-offline` };
}

/** Where it begins, in exec form, or why that cannot be said. */
export function startOf(sources: Sources | undefined, { pack, manager, findings }: NodeProject): { command: string[] } | { why: string } {
  const script = pack.scripts?.start?.trim();
  if (script !== undefined && script !== "") {
    const words = script.split(/\s+/);
    const isPlain = !/[&|;<>$`"'\\*()]|^\w+=/.test(script);
    const tool = words[0] as string;
    if (isPlain && tool === "node") return { command: words };
    const watched = tool === "nodemon" ? words.slice(1).find((word) => /\.[cm]?js$/.test(word)) : undefined;
    if (isPlain && watched !== undefined) {
      findings.push(`The start script watches the sources (nodemon); the image runs node ${watched} itself.`);
      return { command: ["node", watched] };
    }
    // Its package is pruned with what only the build needed.
    if (isPlain && pack.devDependencies?.[tool] !== undefined && pack.dependencies?.[tool] === undefined)
      return {
        why: `The start script runs ${tool}, a development dependency, which the image does not have: make it a dependency, or start what the build writes.`,
      };
    if (isPlain && !["npm", "npx", "yarn", "pnpm"].includes(tool)) return { command: [`node_modules/.bin/${tool}`, ...words.slice(1)] };
    findings.push(
      `The start script ${JSON.stringify(script)} needs a shell: ${manager.name} starts it, and does not pass every signal on.`,
    );
    return { command: manager.run("start").split(" ") };
  }
  const usual = [
    "server.js",
    "index.js",
    "app.js",
    "src/server.js",
    "src/index.js",
    "src/app.js",
    "server.mjs",
    "index.mjs",
    "src/index.mjs",
  ];
  const main = [pack.main, ...usual].find((file) => file !== undefined && (sources === undefined || isThere(sources, file)));
  return main === undefined ? { why: "Nothing says where it begins: add a start script to package.json." } : { command: ["node", main] };
}

/** What a build writes is not among the sources. */
const isThere = (sources: Sources, file: string): boolean => {
  const path = file.replace(/^\.\//, "");
  return has(sources, path) || has(sources, `${path}.js`) || /^(dist|build|lib|out)\//.test(path);
};
