import * as pulumi from "@pulumi/pulumi";
import { namespaceOf, type StackConfig } from "../config/schema.js";
import { AlertRules } from "./AlertRules.js";
import { ArgoRollouts } from "./ArgoRollouts.js";
import { Autoscaling } from "./Autoscaling.js";
import { BlueGreen } from "./BlueGreen.js";
import { CanaryRollout } from "./CanaryRollout.js";
import { DatabaseSecret } from "./DatabaseSecret.js";
import { PublicIngress, type WeightedBackend } from "./PublicIngress.js";
import type { PodTemplateArgs } from "./podTemplate.js";
import { ReplicaDatabase } from "./ReplicaDatabase.js";
import { SpotNodeGroup } from "./SpotNodeGroup.js";
import { VerificationJobs } from "./VerificationJobs.js";
import { WeightedDns } from "./WeightedDns.js";
import { Workload } from "./Workload.js";

export interface MigratedAppArgs {
  config: StackConfig;
  /** The config's secrets, by key. */
  secrets: pulumi.Output<Record<string, string>>;
}

/** One application's target state in one environment: everything that a stack config says, and nothing else. */
export class MigratedApp extends pulumi.ComponentResource {
  readonly loadBalancerHostname: pulumi.Output<string> | undefined;
  readonly databaseAddress: pulumi.Output<string> | undefined;
  private readonly app: string;
  private readonly namespace: string;

  constructor(name: string, args: MigratedAppArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:MigratedApp", name, {}, opts);
    const { config } = args;
    this.app = name;
    this.namespace = namespaceOf(config);

    const database = this.database(config);
    this.databaseAddress = database?.address;
    this.spotNodes(config);
    const argo = this.argoRollouts(config);
    if (config.workload.deployed) {
      const secret = this.secret(config, args.secrets, database);
      const pods = podsOf(config, secret);
      const backends = this.workloads(config, pods);
      const ingress = this.ingress(config, backends);
      this.loadBalancerHostname = ingress?.hostname;
      this.canary(config, pods, argo);
      this.synthetic(config, ingress);
      this.dns(config, ingress);
      this.alerts(config);
      this.autoscaling(config);
    } else this.dns(config, undefined);
    this.registerOutputs({});
  }

  private database(config: StackConfig): ReplicaDatabase | undefined {
    const { database } = config;
    if (database === undefined || database.role === "absent") return undefined;
    const { target, source, backup } = database;
    return new ReplicaDatabase(
      this.app,
      {
        ...target,
        sourceIdentifier: source.identifier,
        port: source.port,
        role: database.role,
        ...(backup.enabled ? { backup: { retentionDays: backup.retentionDays, window: backup.window } } : {}),
      },
      { parent: this },
    );
  }

  private secret(
    config: StackConfig,
    secrets: pulumi.Output<Record<string, string>>,
    copy: ReplicaDatabase | undefined,
  ): DatabaseSecret | undefined {
    const { database, workload } = config;
    if (Object.keys(workload.secretEnv).length === 0 && database === undefined) return undefined;
    const values = secrets.apply((all) => Object.fromEntries(Object.entries(all).filter(([key]) => key !== "database-password")));
    if (database === undefined) return new DatabaseSecret(this.app, { namespace: this.namespace, values }, { parent: this });
    const { source } = database;
    const host = database.active === "new" && copy !== undefined ? copy.address : source.endpoint;
    const password = secrets.apply((all) => all["database-password"] ?? "");
    return new DatabaseSecret(
      this.app,
      {
        namespace: this.namespace,
        values,
        database: { host, port: source.port, databaseName: source.databaseName, username: source.username, password },
      },
      { parent: this },
    );
  }

  /** Makes what runs the pods, and answers where requests go. */
  private workloads(config: StackConfig, pods: PodTemplateArgs): WeightedBackend[] {
    const { strategy, workload, autoscaling } = config;
    const args = {
      ...pods,
      namespace: this.namespace,
      replicas: workload.replicas,
      servicePort: workload.servicePort,
      autoscaled: autoscaling.hpa.enabled,
    };
    if (strategy.kind === "blue-green") {
      const { green, greenWeight, blue } = strategy;
      return new BlueGreen(
        this.app,
        { ...args, blueImage: workload.image, greenImage: strategy.image, green, greenWeight, blue },
        { parent: this },
      ).backends;
    }
    const deployment = strategy.kind === "rolling" || strategy.workload !== "rollout";
    const plain = new Workload(this.app, { ...args, deployment }, { parent: this });
    return [{ serviceName: plain.serviceName, weight: 100 }];
  }

  private ingress(config: StackConfig, backends: WeightedBackend[]): PublicIngress | undefined {
    const { ingress, dns, workload } = config;
    if (ingress === undefined) return undefined;
    return new PublicIngress(
      this.app,
      {
        ...ingress,
        namespace: this.namespace,
        backends,
        servicePort: workload.servicePort,
        ...(dns === undefined ? {} : { zoneId: dns.zoneId }),
      },
      { parent: this },
    );
  }

  private argoRollouts(config: StackConfig): ArgoRollouts | undefined {
    if (!config.cluster.argoRollouts) return undefined;
    return new ArgoRollouts("argo-rollouts", { version: config.cluster.argoRolloutsVersion }, { parent: this });
  }

  private canary(config: StackConfig, pods: PodTemplateArgs, argo: ArgoRollouts | undefined): void {
    const { strategy, workload, gates, autoscaling } = config;
    if (strategy.kind !== "canary" || strategy.workload === "deployment") return;
    new CanaryRollout(
      this.app,
      {
        ...pods,
        namespace: this.namespace,
        replicas: strategy.replicas,
        steps: strategy.steps,
        revisionHistoryLimit: strategy.revisionHistoryLimit,
        rootService: this.app,
        servicePort: workload.servicePort,
        maxErrorRate: gates.maxErrorRate,
        autoscaled: autoscaling.hpa.enabled,
      },
      { parent: this, ...(argo === undefined ? {} : { dependsOn: [argo] }) },
    );
  }

  private synthetic(config: StackConfig, ingress: PublicIngress | undefined): void {
    const { verification } = config;
    if (!verification.synthetic || ingress === undefined || config.ingress === undefined) return;
    new VerificationJobs(
      this.app,
      {
        namespace: this.namespace,
        curlImage: verification.smokeImage,
        loadBalancerHostname: ingress.hostname,
        host: config.ingress.host,
        path: config.ingress.healthCheckPath,
        requestsPerSecond: verification.syntheticRequestsPerSecond,
      },
      { parent: this },
    );
  }

  private dns(config: StackConfig, ingress: PublicIngress | undefined): void {
    const { dns, old } = config;
    if (dns === undefined || dns.records === "none" || config.ingress === undefined) return;
    new WeightedDns(
      this.app,
      {
        zoneId: dns.zoneId,
        name: config.ingress.host,
        records: dns.records,
        weights: dns.weights,
        oldAddresses: old?.addresses ?? [],
        ttlSeconds: dns.ttlSeconds,
        healthCheckPath: config.ingress.healthCheckPath,
        ...(ingress === undefined ? {} : { loadBalancerHostname: ingress.hostname }),
      },
      { parent: this },
    );
  }

  private alerts(config: StackConfig): void {
    const { alerts, database } = config;
    if (!alerts.enabled) return;
    new AlertRules(
      this.app,
      {
        ...alerts,
        namespace: this.namespace,
        ...(database === undefined || database.role !== "primary" ? {} : { databaseIdentifier: database.target.identifier }),
      },
      { parent: this },
    );
  }

  private autoscaling(config: StackConfig): void {
    const { hpa, vpa } = config.autoscaling;
    if (!hpa.enabled && !vpa.enabled) return;
    new Autoscaling(
      this.app,
      {
        namespace: this.namespace,
        target: scaledTarget(this.app, config),
        ...(hpa.enabled ? { hpa } : {}),
        ...(vpa.enabled ? { vpa } : {}),
      },
      { parent: this },
    );
  }

  private spotNodes(config: StackConfig): void {
    const { spot, cluster } = config;
    if (spot === undefined || !spot.enabled) return;
    new SpotNodeGroup(this.app, { ...spot, clusterName: cluster.name }, { parent: this });
  }
}

function podsOf(config: StackConfig, secret: DatabaseSecret | undefined): PodTemplateArgs {
  const { image, containerPort, imagePullPolicy, env, secretEnv, resources, probes, metrics, runAsUser } = config.workload;
  return {
    image,
    containerPort,
    imagePullPolicy,
    env,
    secretEnv,
    resources,
    probes,
    metrics,
    runAsUser,
    spot: config.spot?.enabled === true,
    ...(secret === undefined ? {} : { secretName: secret.name, secretChecksum: secret.checksum }),
  };
}

/** What carries the pods now, and so is scaled. */
function scaledTarget(app: string, { strategy }: StackConfig): { apiVersion: string; kind: "Deployment" | "Rollout"; name: string } {
  if (strategy.kind === "canary" && strategy.workload === "rollout")
    return { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: app };
  const name = strategy.kind === "blue-green" ? `${app}-${strategy.blue ? "blue" : "green"}` : app;
  return { apiVersion: "apps/v1", kind: "Deployment", name };
}
