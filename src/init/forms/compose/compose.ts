import { processName } from "../../../config/processes.js";
import { UserError } from "../../../errors.js";
import { REPLACE } from "../../placeholders.js";
import { requireKey } from "../choose.js";
import { addStores, type Described, type DescribedProcess, type Findings, labelOf, type Pod, processNames } from "../described.js";
import type { GivenFile } from "../given.js";
import { roleOf } from "../roles.js";
import { storesNamedIn, VariablePlaces, type Variables } from "../variables.js";
import { isTree, listed, scalar, type Tree } from "../yamlText.js";
import { databasesOf } from "./databases.js";
import { readEnvironment } from "./environment.js";
import { type Health, readHealth } from "./health.js";
import { imageRead, isFront, isWebServer, storeOf } from "./images.js";
import { type Compose, loadCompose } from "./load.js";
import { readFiles, readMounts } from "./mounts.js";
import { readPod, replicasOf } from "./pod.js";
import { type Ports, readPorts } from "./ports.js";

export interface Names {
  /** The application's name. @default what the file says */
  name?: string;
  /** Which process users reach first. */
  web?: string;
}

/** A service that runs in the cluster. */
interface Part {
  service: string;
  tree: Tree;
  at: string;
  image: string | undefined;
  ports: Ports;
  health: Health | undefined;
  replicas: number | undefined;
  /** Others wait until it has come to its end. */
  ends: boolean;
  variables: Variables;
}

/** The name that a compose file gives its application, where it does. */
export const composeName = (compose: Compose): string | undefined =>
  compose.name === undefined || compose.name.includes(REPLACE) ? undefined : labelOf(compose.name);
export { loadCompose };

/** What compose files say of an application. @param application its name, for the names of its processes in the cluster */
export async function readCompose(
  compose: Compose,
  file: GivenFile,
  application: string,
  { web }: Names,
  findings: Findings,
): Promise<Described> {
  const stores: [string, string][] = [];
  const parts: Part[] = [];
  const images = Object.entries(compose.services).map(([service, tree]) => [service, tree, scalar(tree.image)] as const);
  const kindOf = (service: string, tree: Tree, image: string | undefined): string | undefined =>
    // A store's image is what people run a job of its own tools with, too.
    image === undefined || endsBySelf(service, tree, compose) ? undefined : storeOf(image);
  const isAlone = images.filter(([service, tree, image]) => kindOf(service, tree, image) === undefined).length === 1;
  for (const [service, tree, image] of images) {
    const at = `${file.path}: services.${service}`;
    if (Array.isArray(tree.profiles) && tree.profiles.length > 0 && service !== web) {
      findings.note(at, `runs in the profile ${tree.profiles.map(String).join(", ")} only, and was left out`);
      continue;
    }
    const store = kindOf(service, tree, image);
    if (store !== undefined) stores.push([service, store]);
    else if (image !== undefined && !isAlone && isFront(image))
      findings.ask(
        at,
        `${image} is what the load balancer of the new side takes the place of, and was left out: which hosts, paths and settings of it count (ingress)?`,
      );
    else if (replicasOf(tree, at) === 0) findings.ask(at, "none of it runs (replicas: 0), so it was left out: is it needed?");
    else parts.push(await partOf(service, tree, at, image, compose, file, findings));
  }
  if (parts.length === 0)
    throw new UserError({
      path: `${file.path}: services`,
      got: `${Object.keys(compose.services).join(", ")}: data stores, or of a profile`,
      accepted: "one service at least that the application runs; of a profile, the one that --web names",
    });
  const chosen = webOf(parts, application, web, findings);
  // A server of files before the application is the load balancer's part; the only one is the application.
  const kept = parts.filter((p) => p === chosen || !isFrontOf(p, parts, chosen, findings));
  const names = processNames(
    application,
    kept.map((p) => p.service),
    chosen?.service,
  );
  const databases = databasesOf(
    stores,
    compose,
    kept.map((p) => p.variables),
    findings,
    file,
  );
  const hosts = {
    database: new Set(databases.hosts.flatMap((s) => hostsOf(s, compose.services[s]))),
    stores: new Set(stores.flatMap(([s]) => (databases.hosts.includes(s) ? [] : hostsOf(s, compose.services[s])))),
    processes: new Map(
      kept.flatMap((p) => {
        const neighbour = { name: processName(application, names.get(p.service) ?? p.service), ports: servedBy(p, p === chosen) };
        return hostsOf(p.service, p.tree).map((host) => [host, neighbour] as const);
      }),
    ),
  };
  const places = new VariablePlaces(hosts, findings);
  const described: Described = { processes: [], volumes: [], stores: databases.stores.map(([name, kind]) => ({ kind, name })), hosts: [] };
  const volumeNames = new Map<string, string>();
  for (const part of kept)
    described.processes.push(
      await processOf(part, part === chosen, {
        web: chosen,
        volumeNames,
        name: names.get(part.service) ?? part.service,
        compose,
        file,
        places,
        findings,
        described,
      }),
    );
  const known = new Set([...hosts.database, ...hosts.stores, ...hosts.processes.keys()]);
  for (const { variables } of kept) addStores(described.stores, storesNamedIn(variables, known));
  if (databases.database !== undefined) described.database = { ...databases.database, forms: places.forms };
  return described;
}

/** Others begin once it has come to its end. */
const isAwaited = (service: string, { services }: Compose): boolean =>
  Object.values(services).some((s) => {
    const on = isTree(s.depends_on) ? s.depends_on[service] : undefined;
    return isTree(on) && on.condition === "service_completed_successfully";
  });

const endsBySelf = (service: string, { restart, command }: Tree, compose: Compose): boolean =>
  isAwaited(service, compose) || (command !== undefined && command !== null && /^(no|on-failure.*|false)$/.test(scalar(restart) ?? ""));

/** Names by which other containers reach a service. */
function hostsOf(service: string, tree: Tree = {}): string[] {
  const networks = isTree(tree.networks) ? Object.values(tree.networks) : [];
  const aliases = networks.flatMap((network) => (isTree(network) ? listed(network.aliases) : []));
  return [service, ...[tree.container_name, tree.hostname, ...aliases].flatMap((name) => scalar(name) ?? [])];
}

async function partOf(
  service: string,
  tree: Tree,
  at: string,
  image: string | undefined,
  compose: Compose,
  file: GivenFile,
  findings: Findings,
): Promise<Part> {
  if (image === undefined && (tree.build === undefined || tree.build === null))
    throw new UserError({ path: at, got: "neither image nor build", accepted: "one of them, here or in a file given before this one" });
  const ends = isAwaited(service, compose);
  return {
    ...{ service, tree, at, image, ends },
    ports: readPorts(tree, at, findings),
    health: readHealth(tree, at, findings),
    replicas: replicasOf(tree, at),
    variables: await readEnvironment(tree, at, file, findings),
  };
}

const portOf = ({ ports, health }: Part): number | undefined => ports.main ?? health?.port;
const commandOf = ({ tree }: Part): string =>
  [tree.entrypoint, tree.command]
    .flat()
    .map((w) => scalar(w) ?? "")
    .join(" ");
const roleFor = (part: Part) =>
  roleOf({
    name: part.service,
    command: commandOf(part),
    listens: portOf(part) !== undefined,
    published: part.ports.published && part.ports.main !== undefined,
    ...(part.replicas === undefined ? {} : { replicas: part.replicas }),
  });

/** The process that users reach first: the one that somebody named, the only one that listens, or the one that its name tells. */
function webOf(parts: Part[], application: string, wanted: string | undefined, findings: Findings): Part | undefined {
  if (wanted !== undefined) return requireKey("--web", wanted, Object.fromEntries(parts.map((p) => [p.service, p])));
  const listening = parts.filter((p) => !p.ends && portOf(p) !== undefined && roleFor(p).role === "service");
  const usual = ["web", "app", application, "www", "server", "frontend", "rails", "backend", "api"];
  // An image may listen without its compose file saying so, behind a web server or not.
  const named = usual
    .slice(0, 3)
    .map((name) => parts.find((p) => p.service === name && !p.ends))
    .find((p) => p !== undefined);
  if (listening.every(isServer)) return named ?? listening[0];
  if (listening.length === 1) return listening[0];
  const published = listening.filter((p) => p.ports.published);
  const behind = (published.length > 0 ? published : listening).filter((p) => !isServer(p));
  const from = behind.length > 0 ? behind : listening;
  const best = usual.map((name) => from.find((p) => p.service === name)).find((p) => p !== undefined) ?? from[0];
  if (from.length > 1)
    findings.ask(
      `${best?.at.split(": ")[0]}: services`,
      `${from.map((p) => p.service).join(", ")} all listen, and ${best?.service} was taken for the web process: is it (--web SERVICE)?`,
    );
  return best;
}

/** Serves files, or stands before what does. */
const isServer = ({ image }: Part): boolean => image !== undefined && isWebServer(image);

function isFrontOf(part: Part, parts: Part[], web: Part | undefined, findings: Findings): boolean {
  if (!isServer(part) || parts.length < 2 || web === undefined) return false;
  findings.ask(
    part.at,
    `${part.image} stands before the application and was left out, since the load balancer of the new side leads to it: which hosts, paths, settings and files of it count (ingress)?`,
  );
  return true;
}

/** Ports of a process's Service; a worker has none. */
function servedBy(part: Part, isWeb: boolean): number[] {
  const port = portOf(part);
  const isServed = isWeb || (!part.ends && roleFor(part).role === "service");
  return isServed && port !== undefined ? [port, ...part.ports.more.map((p) => p.port)] : [];
}

interface Context {
  /** Its own in the stack config. */
  name: string;
  web: Part | undefined;
  volumeNames: Map<string, string>;
  compose: Compose;
  file: GivenFile;
  places: VariablePlaces;
  findings: Findings;
  described: Described;
}

async function processOf(
  part: Part,
  isWeb: boolean,
  { name, web, volumeNames, compose, file, places, findings, described }: Context,
): Promise<DescribedProcess> {
  const { tree, at, ports, health } = part;
  const role = isWeb ? { role: "web" as const } : part.ends ? { role: "release" as const } : roleFor(part);
  if ("question" in role && role.question !== undefined) findings.ask(at, role.question);
  if (role.role === "service" && ports.published && !isWeb)
    findings.ask(at, "users may reach its port: which path or host leads to it (ingress.routes)?");
  if (part.image === undefined)
    findings.ask(`${at}.image`, "there is no image, so it is built: under which name and version does the registry have it?");
  const image = part.image === undefined ? undefined : imageRead(part.image, REPLACE);
  if (image?.question !== undefined) findings.ask(`${at}.image`, image.question);
  // What is built from the same sources as the web process is the same image.
  const isOfWeb = web !== undefined && JSON.stringify(web.tree.build) === JSON.stringify(tree.build) && web.image === undefined;
  const pod = readPod(tree, at, findings);
  const folders = await readMounts(tree, at, file, volumeNames, findings);
  const files = await readFiles(tree, compose, at, file, findings);
  for (const [volume, source] of Object.entries(folders.volumes)) {
    if (!described.volumes.includes(volume)) described.volumes.push(volume);
    addStores(described.stores, [{ kind: "files", name: source }]);
  }
  const port = portOf(part);
  return {
    name,
    role: role.role,
    ...(image !== undefined ? { image: image.image } : isWeb || isOfWeb ? {} : { builtAs: name }),
    pod: {
      ...pod,
      ...places.place(part.variables, name, `${at}.environment`),
      ...(part.replicas === undefined ? {} : { replicas: part.replicas }),
      ...(port === undefined ? {} : { containerPort: port, servicePort: port }),
      ...(ports.more.length === 0 ? {} : { ports: ports.more }),
      ...probesOf(health, isWeb, port),
      ...given("mounts", [...(pod.mounts ?? []), ...folders.mounts]),
      ...given("writablePaths", folders.writablePaths),
      ...given("configFiles", [...folders.configFiles, ...files]),
    },
  };
}

const given = <K extends string, T>(key: K, list: T[]): { [k in K]?: T[] } =>
  list.length === 0 ? {} : ({ [key]: list } as { [k in K]?: T[] });

/** What says that it lives says that it is ready too, where users wait for it. */
function probesOf(health: Health | undefined, isWeb: boolean, port: number | undefined): Pick<Pod, "probes"> {
  if (health === undefined) return {};
  const { port: asked, ...rest } = health.probe;
  const probe = asked === undefined || asked === port ? rest : { ...rest, port: asked };
  return { probes: isWeb || port !== undefined ? { liveness: probe, readiness: probe } : { liveness: probe } };
}
