import { looksSecret } from "../lib/secrets.js";
import { hostsOf } from "./names.js";
import type { Parts } from "./parts.js";
import { shiftOf } from "./shift.js";

interface Check {
  path: (string | number)[];
  accepted: string;
}

/** What the processes must have in common with the rest of the config. */
export function* processChecks(config: Parts): Generator<Check> {
  const { workload, processes, volumes, strategy } = config;
  const all = [["web", workload] as const, ...Object.entries(processes)];
  for (const [name, process] of all) {
    const at = name === "web" ? ["workload"] : ["processes", name];
    for (const [key, value] of Object.entries(process.env))
      if (looksSecret(key, value))
        yield {
          path: [...at, "env", key],
          accepted: `no credential in plain text: put it into secrets and name it in ${at.join(".")}.secretEnv`,
        };
    for (const [i, file] of process.configFiles.entries())
      if (file.content !== undefined && looksSecret("", file.content.replaceAll(/\{\{secret:[^}]*\}\}/g, "")))
        yield { path: [...at, "configFiles", i, "content"], accepted: "no credential in plain text: {{secret:KEY}} stands for one" };
    const main = "containerPort" in process ? process.containerPort : undefined;
    const ports = [
      ...(main === undefined ? [] : [{ name: "http", port: main, protocol: "TCP" }]),
      ...process.ports,
      ...process.sidecars.flatMap((s) => s.ports),
    ];
    const twice = ports.findIndex(
      (p, i) => ports.findIndex((o) => o.name === p.name || (o.port === p.port && o.protocol === p.protocol)) !== i,
    );
    if (twice > 0)
      yield { path: [...at, "ports"], accepted: `each name and number once: ${ports[twice]?.name} ${ports[twice]?.port} is there already` };
    const paths = [...process.writablePaths, ...process.mounts.map((m) => m.path), ...process.configFiles.map((f) => f.path)];
    const same = paths.find((p, i) => p === "/tmp" || paths.indexOf(p) !== i);
    if (same !== undefined) yield { path: [...at, "mounts"], accepted: `each folder and file once, and other than /tmp: ${same}` };
    for (const [i, { volume }] of process.mounts.entries()) {
      if (volume === undefined) continue;
      const kind = volumes[volume]?.kind;
      if (kind === undefined)
        yield { path: [...at, "mounts", i, "volume"], accepted: `a name in volumes (${Object.keys(volumes).join(", ") || "none given"})` };
      if (kind === "ebs" && !("kind" in process ? process.kind === "singleton" : process.once))
        yield {
          path: [...at, "mounts", i, "volume"],
          accepted: "a volume of kind efs or claim: an EBS disk is of one pod at a time, so of a singleton alone",
        };
    }
    const containers = [...process.initContainers, ...process.sidecars].map((c) => c.name);
    if (new Set(containers).size !== containers.length) yield { path: [...at, "sidecars"], accepted: "containers with names of their own" };
  }
  const hosts = hostsOf(config);
  for (const [i, route] of (config.ingress?.routes ?? []).entries()) {
    const services = Object.entries(processes).filter(([, p]) => p.kind === "service");
    if (!services.some(([name]) => name === route.process))
      yield {
        path: ["ingress", "routes", i, "process"],
        accepted: `a process of kind service (${services.map(([name]) => name).join(", ") || "none given"})`,
      };
    if (route.host !== undefined && !hosts.includes(route.host))
      yield { path: ["ingress", "routes", i, "host"], accepted: `a host that the load balancer answers for: ${hosts.join(", ")}` };
    if (route.path === "/" && (route.host === undefined || route.host === config.ingress?.host))
      yield {
        path: ["ingress", "routes", i, "path"],
        accepted: "a path below /, which is the web process's; / for another host (dns.also)",
      };
    const same = (config.ingress?.routes ?? []).findIndex(
      (r) => r.path === route.path && (r.host ?? route.host) === (route.host ?? r.host),
    );
    if (same < i) yield { path: ["ingress", "routes", i, "path"], accepted: "each path once for a host" };
  }
  if (workload.web) {
    if (workload.once) yield* onceChecks(config);
    return;
  }
  if (workload.once)
    yield { path: ["workload", "once"], accepted: "false without a web process (workload.web): a singleton of processes runs once too" };
  const none = "nothing of it without a web process (workload.web)";
  if (config.ingress !== undefined) yield { path: ["ingress"], accepted: none };
  if (strategy.kind !== "rolling") yield { path: ["strategy", "kind"], accepted: '"rolling" without a web process (workload.web)' };
  if (Object.values(processes).every((p) => p.kind === "release"))
    yield { path: ["processes"], accepted: "something that runs, where there is no web process (workload.web)" };
  if (config.autoscaling.hpa.enabled || config.autoscaling.vpa.enabled) yield { path: ["autoscaling"], accepted: none };
}

/** Two of it at once, or users on both sides at once, are what must not be. */
function* onceChecks({ workload, strategy, autoscaling, dns, traffic, old }: Parts): Generator<Check> {
  const why = "where the web process may run only once (workload.once)";
  if (workload.replicas !== 1) yield { path: ["workload", "replicas"], accepted: `1 ${why}` };
  if (strategy.kind !== "rolling")
    yield { path: ["strategy", "kind"], accepted: `"rolling" ${why}: the others run two versions beside each other` };
  if (autoscaling.hpa.enabled || autoscaling.vpa.enabled) yield { path: ["autoscaling"], accepted: `nothing of it ${why}` };
  const shift = shiftOf({ dns, traffic });
  if (old !== undefined && shift !== undefined && (shift.steps.length !== 1 || shift.steps[0] !== 100))
    yield { path: [shift.section, "steps"], accepted: `[100] ${why}: only one side runs, so all its users move in one step` };
}
