import { UserError } from "../../errors.js";
import { REPLACE } from "../placeholders.js";
import { imageRead } from "./compose/images.js";
import type { Findings, Pod, Probe } from "./described.js";
import { fitted, type Resources } from "./quantities.js";
import type { Variables } from "./variables.js";
import { isTree, listed, scalar, shown, type Tree } from "./yamlText.js";

/** Names and habits of the cluster that the new side does otherwise. */
const OF_CHARTS = [
  "nameOverride",
  "fullnameOverride",
  "namespaceOverride",
  "imagePullSecrets",
  "podAnnotations",
  "podLabels",
  "commonLabels",
  "commonAnnotations",
  "deploymentAnnotations",
  "clusterDomain",
  "kubeVersion",
  "diagnosticMode",
  "revisionHistoryLimit",
  "schedulerName",
  "tests",
  "testFramework",
  "rbac",
  "annotations",
  "labels",
];
const MEMORY = /^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/;
const CPU = /^([0-9]+m|[0-9]+(\.[0-9]+)?)$/;
const FOLDER = /^(\/[A-Za-z0-9._-]+)+$/;
const HOST = /^(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;

/** Reads values one by one, and knows what was left. */
export class Values {
  private readonly done = new Set<string>();
  /** Variables that come from a Secret. */
  readonly sealed = new Set<string>();

  constructor(
    private readonly values: Tree,
    private readonly path: string,
    private readonly findings: Findings,
  ) {}

  /** A value at a dotted path. */
  read(key: string): unknown {
    this.done.add(key);
    return key.split(".").reduce<unknown>((at, part) => (isTree(at) ? at[part] : undefined), this.values);
  }

  private at(key: string): string {
    return `${this.path}: ${key}`;
  }

  image(): string | undefined {
    const whole = this.read("image");
    const text = scalar(whole);
    const [registry, repository, tag, digest] = ["registry", "repository", "tag", "digest"].map(
      (k) => scalar(this.read(`image.${k}`)) || undefined,
    );
    const policy = ["pullPolicy", "pullSecrets", "debug"].map((k) => this.read(`image.${k}`));
    if (policy.some((p) => p !== undefined)) this.findings.note(this.at("image"), "pull policy and secrets were not carried over");
    if (text === undefined && repository === undefined) {
      this.findings.ask(this.at("image"), "there is no image.repository: which image does the chart run?");
      return undefined;
    }
    const named =
      text ??
      `${registry === undefined ? "" : `${registry}/`}${repository}${digest === undefined ? (tag === undefined ? "" : `:${tag}`) : `@${digest}`}`;
    const { image, question } = imageRead(named, REPLACE);
    if (question !== undefined)
      this.findings.ask(
        this.at("image"),
        tag === undefined && digest === undefined && text === undefined
          ? `${question} An empty tag is the chart's own version (appVersion)`
          : question,
      );
    return image;
  }

  number(key: string, as: "replicas"): Pick<Pod, "replicas"> {
    const text = scalar(this.read(key));
    if (text === undefined) return {};
    if (!/^\d+$/.test(text) || Number(text) > 1_000)
      throw new UserError({ path: this.at(key), got: shown(text), accepted: "a whole number from 0 to 1000" });
    return Number(text) === 0 ? {} : { [as]: Number(text) };
  }

  command(): Pick<Pod, "command" | "args"> {
    const words = (key: "command" | "args"): string[] => {
      const value = this.read(key);
      const all = listed(value)
        .map((w) => scalar(w) ?? "")
        .filter((w) => w !== "");
      if (value !== undefined && value !== null && !Array.isArray(value) && value !== "")
        this.findings.ask(this.at(key), "is a text, which charts split in their own way: which words are they?");
      return Array.isArray(value) ? all : [];
    };
    const [command, args] = [words("command"), words("args")];
    return { ...(command.length === 0 ? {} : { command }), ...(args.length === 0 ? {} : { args }) };
  }

  variables(): Variables {
    const found: Variables = {};
    for (const key of ["env", "extraEnv", "extraEnvVars", "environment", "envVars"]) {
      const value = this.read(key);
      if (isTree(value)) for (const [name, text] of Object.entries(value)) this.variable(found, name, text, `${key}.${name}`);
      else
        for (const [i, entry] of listed(value).entries())
          if (isTree(entry))
            this.variable(found, scalar(entry.name) ?? "", entry.valueFrom === undefined ? entry.value : entry, `${key}[${i}]`);
          else this.findings.ask(this.at(`${key}[${i}]`), "is no variable with a name: what is it?");
    }
    for (const key of ["envFrom", "extraEnvFrom", "envFromSecret", "existingSecret", "extraEnvVarsSecret", "extraEnvVarsCM"]) {
      const value = this.read(key);
      if (
        value !== undefined &&
        value !== null &&
        value !== "" &&
        !(Array.isArray(value) && value.length === 0) &&
        !(isTree(value) && Object.keys(value).length === 0)
      )
        this.findings.ask(this.at(key), "variables come from objects in the cluster: which are they, and which of them are secrets?");
    }
    return found;
  }

  private variable(found: Variables, name: string, value: unknown, at: string): void {
    if (name === "") this.findings.ask(this.at(at), "a variable without a name: what is it?");
    else if (isTree(value) && isTree(value.valueFrom) && isTree(value.valueFrom.secretKeyRef)) {
      found[name] = undefined;
      this.sealed.add(name);
    } else if (isTree(value)) this.findings.ask(this.at(at), `${name} comes from an object or a field of the cluster: what is its value?`);
    else found[name] = scalar(value) ?? "";
  }

  port(): Pick<Pod, "containerPort" | "servicePort"> {
    const portAt = (...keys: string[]): number | undefined => {
      const found = keys.map((k) => Number(scalar(this.read(k)) ?? Number.NaN)).filter((p) => Number.isInteger(p) && p > 0 && p <= 65_535);
      return found[0];
    };
    const [service, container] = [
      portAt("service.port", "service.ports.http", "service.httpPort"),
      portAt("containerPort", "containerPorts.http", "service.targetPort", "service.containerPort", "service.internalPort"),
    ];
    for (const key of ["service.type", "service.annotations"]) this.read(key);
    if (container === undefined && service !== undefined)
      this.findings.ask(
        this.at("service.port"),
        `the service answers on ${service}; on which port does the container (workload.containerPort)?`,
      );
    return { ...(service === undefined ? {} : { servicePort: service }), ...(container === undefined ? {} : { containerPort: container }) };
  }

  probes(): Pick<Pod, "probes"> {
    const probe = (kind: "liveness" | "readiness" | "startup"): Probe | undefined => {
      const key = [`${kind}Probe`, `probes.${kind}`].find((k) => isTree(this.read(k)));
      return key === undefined ? undefined : this.probe(this.read(key) as Tree, key);
    };
    const [liveness, readiness, startup] = [probe("liveness"), probe("readiness"), probe("startup")];
    const all = {
      ...(liveness === undefined ? {} : { liveness }),
      ...(readiness === undefined ? {} : { readiness }),
      ...(startup === undefined || startup.kind === "none" ? {} : { startup }),
    };
    return Object.keys(all).length === 0 ? {} : { probes: all };
  }

  private probe(values: Tree, key: string): Probe | undefined {
    if (values.enabled === false) return { kind: "none" };
    const numbers = Object.fromEntries(
      ["initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold"].flatMap((k) =>
        /^\d+$/.test(scalar(values[k]) ?? "") ? [[k, Math.max(k === "initialDelaySeconds" ? 0 : 1, Number(values[k]))]] : [],
      ),
    ) as Probe;
    const port = (of: Tree): Pick<Probe, "port"> => (/^\d+$/.test(scalar(of.port) ?? "") ? { port: Number(of.port) } : {});
    for (const k of Object.keys(values).filter(
      (k) =>
        !/^(enabled|httpGet|tcpSocket|exec|grpc|path|port|(initialDelay|period|timeout)Seconds|failureThreshold|successThreshold)$/.test(k),
    ))
      this.findings.ask(this.at(`${key}.${k}`), "was not read: what does it do?");
    const { httpGet, tcpSocket, exec, grpc } = values;
    const path = scalar(isTree(httpGet) ? httpGet.path : values.path);
    if (path?.startsWith("/")) return { kind: "http", path, ...port(isTree(httpGet) ? httpGet : values), ...numbers };
    if (isTree(tcpSocket)) return { kind: "tcp", ...port(tcpSocket), ...numbers };
    if (isTree(grpc)) return { kind: "grpc", ...port(grpc), ...numbers };
    if (isTree(exec) && Array.isArray(exec.command))
      return { kind: "exec", command: exec.command.map((w) => scalar(w) ?? "").filter((w) => w !== ""), ...numbers };
    if (Object.keys(values).length > 0)
      this.findings.ask(this.at(key), "does not say what is asked, which the chart's templates do: which path?");
    return undefined;
  }

  resources(): Pick<Pod, "resources"> {
    const part = (of: "requests" | "limits"): { memory?: string; cpu?: string } => {
      const [memory, cpu] = [scalar(this.read(`resources.${of}.memory`)), scalar(this.read(`resources.${of}.cpu`))];
      if (memory !== undefined && !MEMORY.test(memory))
        throw new UserError({
          path: this.at(`resources.${of}.memory`),
          got: shown(memory),
          accepted: "a memory quantity, for example 256Mi",
        });
      if (cpu !== undefined && !CPU.test(cpu))
        throw new UserError({ path: this.at(`resources.${of}.cpu`), got: shown(cpu), accepted: "a CPU quantity, for example 250m" });
      return { ...(memory === undefined ? {} : { memory }), ...(cpu === undefined ? {} : { cpu }) };
    };
    const resources: Resources | undefined = fitted({ requests: part("requests"), limits: part("limits") });
    return resources === undefined ? {} : { resources };
  }

  user(): Pick<Pod, "runAsUser" | "security"> {
    const number = (...keys: string[]): number | undefined =>
      keys
        .map((k) => scalar(this.read(k)))
        .filter((t) => /^\d+$/.test(t ?? ""))
        .map(Number)
        .find((n) => n <= 65_535);
    const contexts = ["securityContext", "containerSecurityContext", "podSecurityContext"];
    const [user, group, files] = [
      number(...contexts.map((c) => `${c}.runAsUser`)),
      number(...contexts.map((c) => `${c}.runAsGroup`)),
      number("podSecurityContext.fsGroup", "securityContext.fsGroup"),
    ];
    const security = {
      ...(user === 0 ? { root: true } : {}),
      ...(group === undefined ? {} : { runAsGroup: group }),
      ...(files === undefined ? {} : { fsGroup: files }),
    };
    return {
      ...(user === undefined || user === 0 ? {} : { runAsUser: user }),
      ...(Object.keys(security).length === 0 ? {} : { security }),
    };
  }

  /** The role of the pods in AWS, which is the same one on the new side. */
  role(): Pick<Pod, "roleArn"> {
    const annotations = this.read("serviceAccount.annotations");
    for (const key of ["create", "name", "automount", "automountServiceAccountToken"]) this.read(`serviceAccount.${key}`);
    const arn = isTree(annotations) ? scalar(annotations["eks.amazonaws.com/role-arn"]) : undefined;
    return arn !== undefined && /^arn:aws[a-z-]*:iam::[0-9]{12}:role\/.+$/.test(arn) ? { roleArn: arn } : {};
  }

  hosts(): string[] {
    if (this.read("ingress.enabled") === false) {
      this.done.add("ingress");
      return [];
    }
    const named = listed(this.read("ingress.hosts")).map((h) => (isTree(h) ? scalar(h.host) : scalar(h)));
    const all = [...named, scalar(this.read("ingress.hostname"))].filter((h) => h !== undefined && h !== "") as string[];
    const real = all.filter((h) => HOST.test(h) && !/\.(local|example)$|chart-example/.test(h));
    for (const host of all.filter((h) => !real.includes(h)))
      this.findings.ask(this.at("ingress.hosts"), `${shown(host)} is no name that users ask for: which host is it?`);
    for (const host of real.slice(1))
      this.findings.ask(this.at("ingress.hosts"), `${host} is another host beside ${real[0]}: does it lead there too (dns.also)?`);
    return real;
  }

  persistence(): { path: string; volume: string }[] {
    const values = this.read("persistence");
    if (!isTree(values) || values.enabled !== true) {
      return [];
    }
    for (const key of ["enabled", "size", "storageClass", "accessMode", "accessModes", "existingClaim", "annotations", "mountPath", "path"])
      this.read(`persistence.${key}`);
    const path = (scalar(values.mountPath) ?? scalar(values.path) ?? "").replace(/(?<=.)\/+$/, "");
    if (FOLDER.test(path) && path !== "/tmp") return [{ path, volume: "data" }];
    this.findings.ask(
      this.at("persistence"),
      "the chart keeps files on a volume, and only its templates say where it is mounted: at which path (volumes, mounts)?",
    );
    return [];
  }

  /** Every value that nothing above knows, by the shortest path that holds nothing read. */
  sayWhatIsLeft(): void {
    const isRead = (key: string): boolean => this.done.has(key);
    const holds = (key: string): boolean => [...this.done].some((k) => k.startsWith(`${key}.`));
    const left = (tree: Tree, at: string): string[] =>
      Object.entries(tree).flatMap(([key, value]) => {
        const path = at === "" ? key : `${at}.${key}`;
        if (at === "" && OF_CHARTS.includes(key)) return [];
        if (isTree(value) && holds(path)) return left(value, path);
        return isRead(path) || isEmpty(value) ? [] : [path];
      });
    const keys = left(this.values, "");
    if (keys.length > 0)
      this.findings.ask(
        this.path,
        `these values were not read, since only the chart's templates say what they do: ${keys.join(", ")}. Which of them count?`,
      );
  }
}

/** What charts write where they set nothing. */
const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === "" ||
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (isTree(value) && Object.values(value).every(isEmpty));
