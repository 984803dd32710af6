import { setTimeout as sleep } from "node:timers/promises";
import type { Properties } from "../../src/sandbox/backend.js";
import type { Group, HealthRule } from "./balancer.js";
import { realMs, WORLD } from "./pace.js";
import { Application, type Balancer } from "./processes.js";
import type { Protections } from "./protections.js";

const ALB = "alb.ingress.kubernetes.io";
/** How long a rollout may take, in real milliseconds. */
const MOST_MS = 90_000;

interface Metadata {
  name: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}
interface DeploymentSpec {
  replicas?: number;
  minReadySeconds?: number;
  template: {
    metadata?: { labels?: Record<string, string> };
    spec?: {
      terminationGracePeriodSeconds?: number;
      containers: { image: string; lifecycle?: { preStop?: { sleep?: { seconds: number } } } }[];
    };
  };
}
interface Deployment {
  name: string;
  spec: DeploymentSpec;
  template: string;
}
interface Ingress {
  annotations: Record<string, string>;
  /** Service → weight. */
  backends: Map<string, number>;
}
interface Pod {
  id: string;
  deployment: string;
  template: string;
  spec: DeploymentSpec;
  labels: Record<string, string>;
  application: Application;
  /** Groups of the load balancer that must find it healthy before it is ready: those that named it when it was made. */
  gates: string[];
  readySince?: number;
  terminating: boolean;
}

const metadataOf = (inputs: Properties): Metadata => inputs.metadata as Metadata;

/**
 * Kubernetes and the AWS Load Balancer Controller, as far as requests feel them, over real processes:
 *
 * - A Deployment is replaced pod by pod, by its own maxSurge 1 and maxUnavailable 0; an old pod goes when there is one available
 *   more than wanted: ready for minReadySeconds. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
 * - A pod that is to go is no endpoint from that moment, and beside that, not after it, its pre-stop pause begins; SIGTERM follows
 *   the pause, SIGKILL the end of the period. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
 * - The controller registers endpoints and deregisters what is none any more, each some seconds later. A pod that an Ingress names
 *   when it is made is ready once the load balancer finds it healthy (the namespace is taken to be labelled).
 *   https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/pod_readiness_gate
 */
export class Cluster {
  private readonly deployments = new Map<string, Deployment>();
  private readonly services = new Map<string, Record<string, string>>();
  private readonly ingresses = new Map<string, Ingress>();
  private pods: Pod[] = [];
  private made = 0;
  private failing = 0;
  /** What the controller has told the load balancer, and what it is about to. */
  private registered: Record<string, { id: string; port: number }[]> = {};
  private rule: Map<string, number> = new Map();
  private seen = { endpoints: "", rule: "" };
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly balancer: Balancer,
    private readonly protections: Protections,
    /** Until a pod listens, in seconds of the world. */
    private readonly startupSeconds: number,
    /** Of synthetic requests, by seconds of the world. */
    private readonly onSynthetic: (on: boolean) => void,
    /** Where orders are kept. */
    private readonly ordersUrl: string | undefined,
  ) {
    this.timer = setInterval(() => this.reconcile(), realMs(WORLD.poll));
  }

  /** A provider's create or update: returns when the provider would. */
  async apply(type: string, id: string, inputs: Properties): Promise<void> {
    switch (type) {
      case "kubernetes:core/v1:Service":
        this.services.set(metadataOf(inputs).name, (inputs.spec as { selector: Record<string, string> }).selector);
        return;
      case "kubernetes:networking.k8s.io/v1:Ingress":
        this.ingresses.set(id, ingressOf(inputs));
        return;
      case "kubernetes:apps/v1:Deployment": {
        const { name } = metadataOf(inputs);
        if (name.endsWith("-synthetic")) return this.onSynthetic(true);
        const spec = inputs.spec as DeploymentSpec;
        this.deployments.set(id, { name, spec, template: JSON.stringify(spec.template) });
        if (this.protections.readinessBeforeWeight) await this.until(`${name} to be available`, () => this.isAvailable(id));
      }
    }
  }

  async remove(type: string, id: string): Promise<void> {
    switch (type) {
      case "kubernetes:core/v1:Service":
        this.services.delete(id.split("/").at(-1) ?? "");
        return;
      case "kubernetes:networking.k8s.io/v1:Ingress":
        this.ingresses.delete(id);
        return;
      case "kubernetes:apps/v1:Deployment":
        if (id.endsWith("-synthetic")) return this.onSynthetic(false);
        this.deployments.delete(id);
        for (const pod of this.pods.filter((p) => p.deployment === id)) this.terminate(pod);
        await this.until(`${id} to be gone`, () => this.pods.every((p) => p.deployment !== id));
    }
  }

  /** Fraction of the wanted pods that are ready; undefined without such a Deployment. */
  ready(suffix: string): number | undefined {
    const found = [...this.deployments].find(([, d]) => d.name.endsWith(suffix));
    if (found === undefined) return undefined;
    const [id, { spec, template }] = found;
    const ready = this.pods.filter((p) => p.deployment === id && !p.terminating && p.template === template && p.readySince !== undefined);
    return Math.min(1, ready.length / (spec.replicas ?? 1));
  }

  /** Percent that the load balancer's rule sends to a Service; undefined without a load balancer. */
  weightOf(suffix: string): number | undefined {
    if (this.ingresses.size === 0) return undefined;
    return Object.entries(this.balancer.weights)
      .filter(([name]) => name.endsWith(suffix))
      .reduce((sum, [, weight]) => sum + weight, 0);
  }

  /** Fraction of the load balancer's targets that are healthy, draining ones aside. */
  healthy(): number | undefined {
    const targets = this.balancer.targets.filter((t) => t.state !== "draining");
    return targets.length === 0 ? undefined : targets.filter((t) => t.state === "healthy").length / targets.length;
  }

  /** A regression in what runs here, and in what starts here meanwhile. */
  fail(failing: number): void {
    this.failing = failing;
    for (const pod of this.pods) pod.application.fail(failing);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.pods.map((p) => p.application.kill()));
  }

  private reconcile(): void {
    this.pods = this.pods.filter((p) => !p.application.over);
    for (const pod of this.pods) this.look(pod);
    for (const [id, deployment] of this.deployments) this.roll(id, deployment);
    this.control();
  }

  private look(pod: Pod): void {
    const able = pod.application.port !== undefined && !pod.terminating && pod.gates.every((g) => this.isHealthy(g, pod.id));
    if (!able) delete pod.readySince;
    else pod.readySince ??= Date.now();
  }

  private isHealthy(group: string, id: string): boolean {
    return this.balancer.targets.some((t) => t.group === group && t.id === id && t.state === "healthy");
  }

  private available(pod: Pod): boolean {
    return pod.readySince !== undefined && Date.now() - pod.readySince >= realMs(pod.spec.minReadySeconds ?? 0);
  }

  private isAvailable(id: string): boolean {
    const deployment = this.deployments.get(id);
    if (deployment === undefined) return true;
    const pods = this.pods.filter((p) => p.deployment === id && !p.terminating);
    const wanted = deployment.spec.replicas ?? 1;
    return pods.length === wanted && pods.every((p) => p.template === deployment.template && this.available(p));
  }

  private roll(id: string, { spec, template }: Deployment): void {
    const wanted = spec.replicas ?? 1;
    const pods = this.pods.filter((p) => p.deployment === id && !p.terminating);
    const earlier = pods.filter((p) => p.template !== template);
    const newer = pods.length - earlier.length;
    const most = earlier.length === 0 ? wanted : wanted + 1;
    for (let i = pods.length; i < most && newer + (i - pods.length) < wanted; i += 1) this.begin(id, spec, template);
    if (earlier.length === 0) {
      for (const pod of pods.slice(wanted)) this.terminate(pod);
      return;
    }
    const more = pods.filter((p) => this.available(p)).length - wanted;
    for (const pod of earlier.slice(0, Math.max(0, more))) this.terminate(pod);
  }

  private begin(id: string, spec: DeploymentSpec, template: string): void {
    this.made += 1;
    const labels = spec.template.metadata?.labels ?? {};
    const image = spec.template.spec?.containers[0]?.image ?? "";
    const application = new Application(image.split(":").at(-1) ?? image, this.startupSeconds, this.ordersUrl);
    if (this.failing > 0) application.fail(this.failing);
    const named = [...this.services].filter(([, selector]) => selects(selector, labels)).map(([name]) => name);
    const gates = this.protections.readinessGate ? named.filter((name) => this.backends().has(name)) : [];
    this.pods.push({ id: `pod-${this.made}`, deployment: id, template, spec, labels, application, gates, terminating: false });
  }

  private terminate(pod: Pod): void {
    if (pod.terminating) return;
    pod.terminating = true;
    delete pod.readySince;
    const { terminationGracePeriodSeconds = 30, containers } = pod.spec.template.spec ?? { containers: [] };
    const pause = this.protections.preStop ? (containers[0]?.lifecycle?.preStop?.sleep?.seconds ?? 0) : 0;
    setTimeout(() => pod.application.stop(), realMs(pause));
    setTimeout(() => void pod.application.kill(), realMs(terminationGracePeriodSeconds)).unref();
  }

  private backends(): Map<string, number> {
    return new Map([...this.ingresses.values()].flatMap((i) => [...i.backends]));
  }

  /** The controller: what it sees now reaches the load balancer some time later. */
  private control(): void {
    const backends = this.backends();
    const endpoints = Object.fromEntries(
      [...backends.keys()].map((service) => {
        const selector = this.services.get(service);
        const found = selector === undefined ? [] : this.pods.filter((p) => !p.terminating && selects(selector, p.labels));
        return [service, found.flatMap(({ id, application: { port } }) => (port === undefined ? [] : [{ id, port }]))];
      }),
    );
    const seen = { endpoints: JSON.stringify(endpoints), rule: JSON.stringify([...backends]) };
    if (seen.endpoints !== this.seen.endpoints)
      setTimeout(() => {
        this.registered = endpoints;
        this.tell();
      }, realMs(WORLD.controller));
    if (seen.rule !== this.seen.rule)
      setTimeout(() => {
        this.rule = backends;
        this.tell();
      }, realMs(WORLD.rule));
    this.seen = seen;
  }

  private tell(): void {
    const annotations = [...this.ingresses.values()][0]?.annotations ?? {};
    const delay = Number(
      /deregistration_delay\.timeout_seconds=(\d+)/.exec(annotations[`${ALB}/target-group-attributes`] ?? "")?.[1] ?? 300,
    );
    const groups: Group[] = [...this.rule].map(([name, weight]) => ({
      name,
      weight,
      targets: this.registered[name] ?? [],
      health: healthOf(annotations),
      deregistrationMs: this.protections.deregistrationDelay ? realMs(delay) : 0,
    }));
    this.balancer.set(groups);
  }

  private async until(what: string, holds: () => boolean): Promise<void> {
    const deadline = Date.now() + MOST_MS;
    while (!holds()) {
      if (Date.now() > deadline) throw new Error(`waited ${MOST_MS / 1_000} s for ${what}`);
      await sleep(realMs(WORLD.poll));
    }
  }
}

const selects = (selector: Record<string, string>, labels: Record<string, string>): boolean =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);

function ingressOf(inputs: Properties): Ingress {
  const { name, annotations = {} } = metadataOf(inputs);
  const action = annotations[`${ALB}/actions.${name}`];
  const spec = inputs.spec as { rules: { http: { paths: { backend: { service: { name: string } } }[] } }[] };
  const single = spec.rules[0]?.http.paths[0]?.backend.service.name ?? "";
  const groups =
    action === undefined
      ? [{ serviceName: single, weight: 100 }]
      : (JSON.parse(action) as { forwardConfig: { targetGroups: { serviceName: string; weight: number }[] } }).forwardConfig.targetGroups;
  return { annotations, backends: new Map(groups.map((g) => [g.serviceName, g.weight])) };
}

function healthOf(annotations: Record<string, string>): HealthRule {
  const seconds = (name: string, otherwise: number) => Number(annotations[`${ALB}/${name}`] ?? otherwise);
  return {
    path: annotations[`${ALB}/healthcheck-path`] ?? "/",
    intervalMs: realMs(seconds("healthcheck-interval-seconds", 15)),
    // A process of ours is not twenty times as fast: an answer may take what it may take there.
    timeoutMs: seconds("healthcheck-timeout-seconds", 5) * 1_000,
    healthy: seconds("healthy-threshold-count", 2),
    unhealthy: seconds("unhealthy-threshold-count", 2),
  };
}
