import { UserError } from "../../../errors.js";
import { secretSpans } from "../../../lib/secrets.js";
import { type Findings, literal, type Pod } from "../described.js";
import { fitted, memoryOf, type Resources, secondsOf } from "../quantities.js";
import { plainWords } from "../words.js";
import { isTree, listed, scalar, shown, type Tree } from "../yamlText.js";

/** Read here, or by one of the neighbours. */
const READ = [
  "image",
  "build",
  "command",
  "entrypoint",
  "environment",
  "env_file",
  "ports",
  "expose",
  "volumes",
  "tmpfs",
  "healthcheck",
  "depends_on",
  "deploy",
  "scale",
  "user",
  "cap_add",
  "stop_grace_period",
  "secrets",
  "configs",
  "read_only",
  "mem_limit",
  "mem_reservation",
  "cpus",
  "shm_size",
  "profiles",
  "privileged",
  "working_dir",
  "group_add",
];
/** Docker's own, without a counterpart that the new side needs. */
const OF_DOCKER = [
  "container_name",
  "restart",
  "logging",
  "labels",
  "annotations",
  "networks",
  "platform",
  "pull_policy",
  "tty",
  "stdin_open",
  "init",
  "hostname",
  "cap_drop",
  "security_opt",
  "attach",
  "develop",
  "cpu_shares",
  "oom_kill_disable",
  "memswap_limit",
  "mem_swappiness",
];
const OF_SWARM = ["update_config", "rollback_config", "restart_policy", "placement", "labels", "endpoint_mode"];

/** What a service says of its pod, apart from variables, ports, probes and folders. @throws UserError for what Compose refuses too */
export function readPod(service: Tree, at: string, findings: Findings): Pod {
  for (const key of Object.keys(service).filter((k) => !READ.includes(k) && !k.startsWith("x-"))) {
    if (OF_DOCKER.includes(key)) findings.note(`${at}.${key}`, "is Docker's own, and was not carried over");
    else findings.ask(`${at}.${key}`, "was not carried over: is it needed?");
  }
  requireNoSecretsIn(service.build, `${at}.build`, findings);
  for (const key of ["working_dir", "privileged", "group_add"] as const)
    if (service[key] !== undefined && service[key] !== null && service[key] !== false)
      findings.ask(
        `${at}.${key}`,
        `${shown(service[key])} was not carried over, having no counterpart in a stack config: can the image do without it?`,
      );
  const entry = wordsOf(service.entrypoint, `${at}.entrypoint`);
  const args = wordsOf(service.command, `${at}.command`);
  if (isTree(service.depends_on))
    findings.note(`${at}.depends_on`, "processes start in any order; what must be over before others begin is a release");
  const capabilities = listed(service.cap_add).map((c) => (scalar(c) ?? "").replace(/^CAP_/, "").toUpperCase());
  const { runAsUser, security: ids } = userOf(service.user, `${at}.user`, findings);
  const security = { ...ids, ...(capabilities.length === 0 ? {} : { capabilities: capabilities.filter((c) => /^[A-Z][A-Z_]+$/.test(c)) }) };
  const grace = secondsIn(service.stop_grace_period, `${at}.stop_grace_period`);
  const shared = memoryOf(scalar(service.shm_size) ?? "");
  const resources = resourcesOf(service, at, findings);
  return {
    ...(entry === undefined ? {} : { command: entry }),
    ...(args === undefined ? {} : { args }),
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(Object.keys(security).length === 0 ? {} : { security }),
    ...(grace === undefined ? {} : { terminationGraceSeconds: Math.min(7_200, Math.max(1, grace)) }),
    ...(shared === undefined ? {} : { mounts: [{ path: "/dev/shm", memory: true, sizeLimit: shared }] }),
    ...(resources === undefined ? {} : { resources }),
  };
}

/** A command in either form. An empty one is the image's own, as `null` is. */
function wordsOf(value: unknown, at: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const line = scalar(value);
  const words = Array.isArray(value) ? value.map((w) => scalar(w)) : line === undefined ? [undefined] : (plainWords(line) ?? [undefined]);
  if (words.some((w) => w === undefined))
    throw new UserError({
      path: at,
      got: shown(value),
      accepted: 'a list of words, or a text of words with closed quotes; && and | only within ["sh", "-c", "…"]',
    });
  const known = words.filter((w) => w !== undefined && w !== "") as string[];
  if (known.length === 0) return undefined;
  return known.map(literal);
}

function userOf(value: unknown, at: string, findings: Findings): Pick<Pod, "runAsUser" | "security"> {
  const text = scalar(value);
  if (text === undefined || text === "") return {};
  const [, user = "", group] = /^(\d+|root)(?::(\d+|root))?$/.exec(text) ?? [];
  if (user === "") {
    findings.ask(at, `${text} is a name: which number has this user in the image (workload.runAsUser)?`);
    return {};
  }
  const id = user === "root" ? 0 : Number(user);
  const groupId = group === undefined ? undefined : group === "root" ? 0 : Number(group);
  if (id > 65_535 || (groupId ?? 0) > 65_535) {
    findings.ask(at, `${text} is above 65535, which a stack config does not take: may another user be used?`);
    return {};
  }
  const ids = groupId === undefined ? {} : { runAsGroup: groupId };
  if (id === 0) return { security: { root: true, ...ids } };
  return { runAsUser: id, ...(groupId === undefined ? {} : { security: ids }) };
}

function secondsIn(value: unknown, at: string): number | undefined {
  const text = scalar(value);
  if (text === undefined) return undefined;
  const seconds = secondsOf(text);
  if (seconds === undefined) throw new UserError({ path: at, got: shown(value), accepted: "a duration, for example 1m30s" });
  return Math.ceil(seconds);
}

function resourcesOf(service: Tree, at: string, findings: Findings): Resources | undefined {
  const deploy = isTree(service.deploy) ? service.deploy : {};
  for (const key of Object.keys(deploy).filter((k) => !["replicas", "resources", "mode", ...OF_SWARM].includes(k) && !k.startsWith("x-")))
    findings.ask(`${at}.deploy.${key}`, "was not carried over: is it needed?");
  for (const key of OF_SWARM)
    if (deploy[key] !== undefined) findings.note(`${at}.deploy.${key}`, "is Docker's own, and was not carried over");
  if (deploy.mode !== undefined && deploy.mode !== "replicated")
    findings.ask(`${at}.deploy.mode`, `${shown(deploy.mode)} was not carried over: how many of it run?`);
  const resources = isTree(deploy.resources) ? deploy.resources : {};
  const read = (from: unknown, key: "memory" | "cpus", place: string): string | undefined => {
    const text = scalar(from);
    if (text === undefined || text === "0") return undefined;
    const amount = key === "memory" ? memoryOf(text) : /^\d*\.?\d+$/.test(text) ? `${Math.round(Number(text) * 1_000)}m` : undefined;
    if (amount === undefined)
      throw new UserError({
        path: place,
        got: shown(text),
        accepted: key === "memory" ? "a size, for example 512m" : "a number, for example 0.5",
      });
    return amount;
  };
  const part = (of: unknown, place: string, memory: unknown, cpus: unknown): { memory?: string; cpu?: string } => {
    const tree = isTree(of) ? of : {};
    for (const key of Object.keys(tree).filter((k) => !["memory", "cpus", "pids"].includes(k)))
      findings.ask(`${place}.${key}`, "was not carried over: is it needed?");
    const [m, c] = [read(tree.memory ?? memory, "memory", `${place}.memory`), read(tree.cpus ?? cpus, "cpus", `${place}.cpus`)];
    return { ...(m === undefined ? {} : { memory: m }), ...(c === undefined ? {} : { cpu: c }) };
  };
  return fitted({
    limits: part(resources.limits, `${at}.deploy.resources.limits`, service.mem_limit, service.cpus),
    requests: part(resources.reservations, `${at}.deploy.resources.reservations`, service.mem_reservation, undefined),
  });
}

/** How many of a service run; undefined where it does not say. */
export function replicasOf(service: Tree, at: string): number | undefined {
  const text = scalar(isTree(service.deploy) ? (service.deploy.replicas ?? service.scale) : service.scale);
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text) || Number(text) > 1_000)
    throw new UserError({ path: `${at}.deploy.replicas`, got: shown(text), accepted: "a whole number from 0 to 1000" });
  return Number(text);
}

/** What an image is built with stays in its history. */
function requireNoSecretsIn(build: unknown, at: string, findings: Findings): void {
  if (!isTree(build)) return;
  const args = isTree(build.args)
    ? Object.entries(build.args).map(([k, v]) => `${k}=${scalar(v) ?? ""}`)
    : listed(build.args).map((a) => scalar(a) ?? "");
  for (const arg of args)
    if (secretSpans(arg).length > 0)
      findings.ask(
        `${at}.args.${arg.split("=")[0]}`,
        "a credential is an argument of the build, so anybody with the image has it: how is it kept out (a build secret), and was it changed since?",
      );
}
