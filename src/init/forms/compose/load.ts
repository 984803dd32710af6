import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { UserError } from "../../../errors.js";
import { REPLACE } from "../../placeholders.js";
import type { Findings } from "../described.js";
import { type GivenFile, readBeside } from "../given.js";
import { isTree, listed, scalar, shown, type Tree, yamlMap } from "../yamlText.js";
import { interpolated } from "./interpolate.js";
import { merged } from "./merge.js";

/** A compose file with everything in it that it takes from elsewhere: variables, other files, what services extend. */
export interface Compose {
  name?: string;
  services: Record<string, Tree>;
  configs: Tree;
  secrets: Tree;
}

const ACCEPTED = "a compose file: a map with services";
const KNOWN = ["version", "name", "services", "volumes", "networks", "secrets", "configs", "include"];
/** Compose files that include others in turn. */
const DEEPEST = 10;

/** Several files are merged as `docker compose -f A -f B` does. @throws UserError for what Compose refuses too */
export async function loadCompose(files: GivenFile[], findings: Findings): Promise<Compose> {
  let all: Tree = {};
  for (const file of files) all = merged(all, await treeOf(file, findings));
  const services = all.services;
  const path = files.map((f) => f.path).join(", ");
  if (!isTree(services) || Object.keys(services).length === 0)
    throw new UserError({
      path: `${path}: services`,
      got: services === undefined ? "nothing" : shown(services),
      accepted: "a map with one service at least",
    });
  const name = scalar(all.name);
  return {
    ...(name === undefined ? {} : { name }),
    services: services as Record<string, Tree>,
    configs: isTree(all.configs) ? all.configs : {},
    secrets: isTree(all.secrets) ? all.secrets : {},
  };
}

async function treeOf(file: GivenFile, findings: Findings, depth = 0): Promise<Tree> {
  const raw = yamlMap(file, ACCEPTED, findings);
  const defaults = await readBeside(file.path, ".env");
  const variables = defaults === undefined ? {} : parseEnv(defaults);
  if (defaults !== undefined) findings.note(`${join(dirname(file.path), ".env")}`, "was read for the variables of the compose file");
  const tree = substituted(raw, variables, file.path, findings) as Tree;
  for (const key of Object.keys(tree).filter((k) => !KNOWN.includes(k) && !k.startsWith("x-")))
    findings.ask(`${file.path}: ${key}`, "an unknown key, which was not read: what does it do?");
  const services = tree.services ?? {};
  if (!isTree(services))
    throw new UserError({ path: `${file.path}: services`, got: shown(services), accepted: "a map of services by name" });
  const own: Record<string, Tree> = {};
  for (const [name, service] of Object.entries(services)) own[name] = checked(service, `${file.path}: services.${name}`);
  const complete: Record<string, Tree> = {};
  for (const name of Object.keys(own)) complete[name] = await extended(name, own, file, findings, []);
  let result: Tree = { ...tree, services: complete };
  for (const included of listed(tree.include)
    .flatMap((i) => (isTree(i) ? listed(i.path) : [i]))
    .map(scalar)) {
    const beside = included === undefined || depth === DEEPEST ? undefined : await besideFile(file, included);
    if (beside === undefined)
      findings.ask(
        `${file.path}: include`,
        `${included} was not read: it is not there, or outside the file's folder. Give it with --from too, or what does it add?`,
      );
    else result = merged(await treeOf(beside, findings, depth + 1), result);
  }
  return result;
}

async function besideFile(file: GivenFile, path: string): Promise<GivenFile | undefined> {
  const text = await readBeside(file.path, path);
  return text === undefined ? undefined : { path: join(dirname(file.path), path), text };
}

/** What a key of a service holds, where it is one thing only. */
const SHAPES: [accepted: string, keys: string[], is: (value: unknown) => boolean][] = [
  [
    "a text or a number",
    ["image", "user", "stop_grace_period", "mem_limit", "mem_reservation", "cpus", "shm_size", "scale", "working_dir", "restart"],
    (value) => scalar(value) !== undefined,
  ],
  ["a list", ["ports", "expose", "volumes", "cap_add", "secrets", "configs"], Array.isArray],
  ["a map", ["deploy", "healthcheck"], isTree],
];

/** A service as a map, in one form for what has two. @throws UserError for what is neither */
function checked(service: unknown, at: string): Tree {
  if (service !== null && !isTree(service)) throw new UserError({ path: at, got: shown(service), accepted: "a map of the service's keys" });
  const tree: Tree = { ...service };
  for (const [accepted, keys, is] of SHAPES)
    for (const key of keys)
      if (tree[key] !== undefined && tree[key] !== null && !is(tree[key]))
        throw new UserError({ path: `${at}.${key}`, got: shown(tree[key]), accepted });
  for (const key of ["environment", "depends_on"] as const) {
    const value = tree[key];
    if (value === undefined || value === null) delete tree[key];
    else if (Array.isArray(value))
      tree[key] = key === "environment" ? pairs(value, `${at}.environment`) : Object.fromEntries(value.map((v) => [String(v), {}]));
    else if (!isTree(value)) throw new UserError({ path: `${at}.${key}`, got: shown(value), accepted: "a list or a map" });
  }
  for (const key of ["env_file", "tmpfs", "profiles"] as const) if (tree[key] !== undefined) tree[key] = listed(tree[key]);
  return tree;
}

/** `A=b` and `A` as a map; null for one without a value. */
function pairs(list: unknown[], at: string): Tree {
  return Object.fromEntries(
    list.map((entry) => {
      const text = scalar(entry);
      if (text === undefined) throw new UserError({ path: at, got: shown(entry), accepted: "entries as NAME=value or NAME" });
      const place = text.indexOf("=");
      return place === -1 ? [text, null] : [text.slice(0, place), text.slice(place + 1)];
    }),
  );
}

async function extended(name: string, services: Record<string, Tree>, file: GivenFile, findings: Findings, seen: string[]): Promise<Tree> {
  const { extends: base, ...own } = services[name] ?? {};
  if (base === undefined || base === null) return own;
  const at = `${file.path}: services.${name}.extends`;
  const of = isTree(base) ? scalar(base.service) : scalar(base);
  const from = isTree(base) ? scalar(base.file) : undefined;
  if (of === undefined) throw new UserError({ path: at, got: shown(base), accepted: "a service's name, or a map with service and file" });
  if (seen.includes(`${file.path} ${of}`))
    throw new UserError({ path: at, got: `${of}, which extends ${name} itself`, accepted: "a service that does not" });
  const beside = from === undefined ? file : await besideFile(file, from);
  if (beside === undefined) {
    findings.ask(at, `${from} was not read: it is not there, or outside the file's folder. What does ${of} in it add?`);
    return own;
  }
  const there = beside === file ? services : ((await treeOf(beside, findings, DEEPEST)).services as Record<string, Tree>);
  if (!(of in there)) throw new UserError({ path: at, got: of, accepted: `one of ${Object.keys(there).join(", ")}` });
  return merged(await extended(of, there, beside, findings, [...seen, `${file.path} ${of}`]), own);
}

/** Every text of a tree with its variables in it. */
function substituted(value: unknown, variables: NodeJS.Dict<string>, path: string, findings: Findings, at = ""): unknown {
  if (Array.isArray(value)) return value.map((v, i) => substituted(v, variables, path, findings, `${at}[${i}]`));
  if (isTree(value))
    return Object.fromEntries(
      Object.entries(value).map(([k, v]) => [
        k,
        at === "" && k.startsWith("x-") ? v : substituted(v, variables, path, findings, at === "" ? k : `${at}.${k}`),
      ]),
    );
  if (typeof value !== "string" || !value.includes("$")) return value;
  try {
    return interpolated(value, {
      get: (name) => variables[name],
      unset: (name, why) => {
        findings.note(
          `${path}: ${at}`,
          `\${${name}} is set nowhere in what was read, and has no default${why === undefined || why === "" ? "" : ` ("${why}")`}`,
        );
        return REPLACE;
      },
    });
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new UserError(
      {
        path: `${path}: ${at}`,
        got: cause.message,
        accepted: "a variable by its name, or in braces with :-default and the like; $$ for a dollar sign",
      },
      { cause },
    );
  }
}
