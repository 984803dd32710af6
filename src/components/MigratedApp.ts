import * as pulumi from "@pulumi/pulumi";
import { ADMIN_PASSWORD } from "../config/connection.js";
import { secretFilesOf, secretKeysOf } from "../config/files.js";
import { policyOf } from "../config/identity.js";
import { hostsOf, namesOf, publicZoneOf } from "../config/names.js";
import { oldAddressesOf, servingBalancerOf } from "../config/oldSide.js";
import { releasesOf, webReplicas } from "../config/processes.js";
import { namespaceOf, STACK_TAG, type StackConfig, stackName } from "../config/schema.js";
import { groupsOf, shiftOf } from "../config/shift.js";
import { sourceOf } from "../config/sources.js";
import { selectionOf } from "../promql/expressions.js";
import { AlertRules } from "./AlertRules.js";
import { AppProcess } from "./AppProcess.js";
import { AppVolumes } from "./AppVolumes.js";
import { ArgoRollouts } from "./ArgoRollouts.js";
import { Autoscaling } from "./Autoscaling.js";
import { processArgs, routesOf, webPods } from "./appPods.js";
import { BlueGreen } from "./BlueGreen.js";
import { CanaryRollout } from "./CanaryRollout.js";
import { fileArgs } from "./configFiles.js";
import { DatabaseSecret } from "./DatabaseSecret.js";
import type { KeptRecord } from "./keptRecords.js";
import type { RuleCondition } from "./keptRule.js";
import { managed } from "./managed.js";
import type { NodeGroupSizes } from "./nodeGroupSizes.js";
import { PodIdentity } from "./PodIdentity.js";
import { PublicIngress, type WeightedBackend } from "./PublicIngress.js";
import type { PodTemplateArgs } from "./podArgs.js";
import { ReplicaDatabase } from "./ReplicaDatabase.js";
import { SpotNodeGroup } from "./SpotNodeGroup.js";
import { serviceAccountOf } from "./serviceAccount.js";
import type { Tags } from "./support.js";
import { VerificationJobs } from "./VerificationJobs.js";
import { VpaController } from "./VpaController.js";
import { WeightedDns } from "./WeightedDns.js";
import { WeightedGroups } from "./WeightedGroups.js";
import { Workload } from "./Workload.js";

export interface MigratedAppArgs {
  /** The checked stack config; `parseStackConfig` makes one. */
  config: StackConfig;
  /** The config's secrets, by key. */
  secrets: pulumi.Output<Record<string, string>>;
  /** What answers for the names today, read from their zones. @default what the config says */
  kept?: KeptRecord[];
  /** The Spot node group's sizes as they are. @default those that the config begins with */
  nodes?: NodeGroupSizes;
  /** Only the weighted records are to be changed: nothing is looked up that they do not need. @default false */
  recordsOnly?: boolean;
  /** What the load balancer's rule that serves today asks of a request, read from it. Needed with target groups. */
  conditions?: RuleCondition[];
}

/** What the pods get of the config's secrets: never the service's own password, and the user's in the forms of the connection, where there is one. */
const isForPods = (key: string, wanted: string[], hasConnection: boolean): boolean =>
  key !== ADMIN_PASSWORD && (key !== "database-password" || (!hasConnection && wanted.includes(key)));

/** Where requests go, and what must be ready before they do. */
interface Backends {
  backends: WeightedBackend[];
  ready: pulumi.Resource[];
  managedByRollout?: boolean;
  /** That leads to all pods, where which backend is which changes. @default the one of most weight */
  service?: pulumi.Input<string>;
}

/**
 * One application's target state in one environment: everything that a stack config says, and nothing else.
 *
 * @example
 * new MigratedApp("web-api", { config: parseStackConfig(input, "my config"), secrets });
 *
 * @seed all of it
 * @cost What the components cost that the config asks for.
 */
export class MigratedApp extends pulumi.ComponentResource {
  /** DNS name of the new load balancer; undefined until the config has a deployed workload with an ingress. */
  readonly loadBalancerHostname: pulumi.Output<string> | undefined;
  /** Host of the new database; undefined until the config has one. */
  readonly databaseAddress: pulumi.Output<string> | undefined;
  private readonly app: string;
  private readonly namespace: string;
  private readonly tags: Tags;
  /**
   * The Ingress, for pods that get no requests yet: they come after it, since only pods that a target group knows of when they are
   * made get its readiness gate. Pods that get requests come before it.
   */
  private readonly entrance = deferred<pulumi.Resource[]>();

  constructor(name: string, args: MigratedAppArgs, opts?: pulumi.ComponentResourceOptions) {
    const { config } = args;
    const transformations = [managed(config.gates.timeoutSeconds), ...(opts?.transformations ?? [])];
    super("cutover:components:MigratedApp", name, {}, { ...opts, transformations });
    this.app = name;
    this.namespace = namespaceOf(config);
    this.tags = { ...config.tags, [STACK_TAG]: stackName(config) };

    const database = this.database(config, args.recordsOnly === true);
    this.databaseAddress = database?.address;
    this.spotNodes(config, args.nodes);
    const argo = this.argoRollouts(config);
    const vpa = config.cluster.vpa
      ? new VpaController("vpa", { chartVersion: config.cluster.vpaChartVersion }, { parent: this })
      : undefined;
    if (config.workload.deployed) {
      const secret = this.secret(config, args.secrets, database);
      const identity = this.identity(config);
      // What pods need when they are made.
      const before = [...this.volumes(config), ...(identity === undefined ? [] : [identity])];
      const roleArn = config.identity?.kind === "irsa" ? identity?.roleArn : config.workload.roleArn;
      const backends = config.workload.web ? this.web(config, secret, argo, before, roleArn) : this.noWeb(roleArn);
      backends.ready.push(...this.processes(config, secret, before));
      const ingress = this.ingress(config, backends);
      this.entrance.made(ingress === undefined ? [] : [ingress]);
      this.loadBalancerHostname = ingress?.hostname;
      this.synthetic(config, ingress);
      this.dns(config, args.kept, ingress);
      this.groups(config, args.conditions, backends);
      this.alerts(config, ingress, args.recordsOnly === true);
      this.autoscaling(config, vpa);
    } else this.dns(config, args.kept, undefined);
    this.registerOutputs({});
  }

  private database(config: StackConfig, recordsOnly: boolean): ReplicaDatabase | undefined {
    const { database, gates, alerts, old } = config;
    if (database === undefined || database.role === "absent") return undefined;
    const { target, source, backup, maintenanceWindow } = database;
    const {
      kmsKeyId,
      oldSide: { closed, ...oldSide },
      ...rest
    } = target;
    return new ReplicaDatabase(
      this.app,
      {
        ...rest,
        ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
        ...(old === undefined || shiftOf(config)?.records === "new" || closed ? {} : { oldSide }),
        checkSource: !recordsOnly,
        sourceIdentifier: source.identifier,
        ...(source.arn === undefined ? {} : { sourceArn: source.arn }),
        port: source.port,
        role: database.role,
        backup: { retentionDays: backup.retentionDays, window: backup.window, onReplica: backup.onReplica },
        maintenanceWindow,
        maxLagSeconds: gates.maxReplicaLagSeconds,
        topicArns: alerts.topicArns,
        tags: this.tags,
      },
      { parent: this },
    );
  }

  private secret(
    config: StackConfig,
    secrets: pulumi.Output<Record<string, string>>,
    copy: ReplicaDatabase | undefined,
  ): DatabaseSecret | undefined {
    const { database } = config;
    const wanted = secretKeysOf(config).map(({ key }) => key);
    if (wanted.length === 0 && database === undefined) return undefined;
    const files = secretFilesOf(config);
    const values = secrets.apply((all) =>
      Object.fromEntries(Object.entries(all).filter(([key]) => isForPods(key, wanted, database !== undefined))),
    );
    if (database === undefined) return new DatabaseSecret(this.app, { namespace: this.namespace, values, files }, { parent: this });
    const { source } = database;
    const host = database.active === "new" && copy !== undefined ? copy.address : source.endpoint;
    const password = secrets.apply((all) => all["database-password"] ?? "");
    return new DatabaseSecret(
      this.app,
      {
        namespace: this.namespace,
        values,
        files,
        database: {
          host,
          port: source.port,
          databaseName: source.databaseName,
          username: source.username,
          password,
          forms: wanted,
          ownForms: database.forms,
        },
      },
      { parent: this },
    );
  }

  private volumes({ volumes }: StackConfig): pulumi.Resource[] {
    if (Object.keys(volumes).length === 0) return [];
    return [new AppVolumes(this.app, { namespace: this.namespace, volumes }, { parent: this })];
  }

  private identity({ identity, cluster }: StackConfig): PodIdentity | undefined {
    if (identity === undefined) return undefined;
    const { statements, ...rest } = identity;
    const policy = statements === undefined ? {} : { policy: policyOf(statements) };
    const args = { ...rest, ...policy, namespace: this.namespace, clusterName: cluster.name, tags: this.tags };
    return new PodIdentity(this.app, args, { parent: this });
  }

  /** Without a web process nothing makes the identity that the others have. */
  private noWeb(roleArn: pulumi.Input<string> | undefined): Backends {
    return { backends: [], ready: [serviceAccountOf(this.app, this.namespace, this, roleArn)] };
  }

  private web(
    config: StackConfig,
    secret: DatabaseSecret | undefined,
    argo: ArgoRollouts | undefined,
    before: pulumi.Resource[],
    roleArn: pulumi.Input<string> | undefined,
  ): Backends {
    const pods = { ...webPods(config, secret, fileArgs(config, "web", this)), ...(roleArn === undefined ? {} : { roleArn }) };
    return this.workloads(config, pods, argo, [...before, ...this.firstReleases(config, secret, before)]);
  }

  /** What must have run before the first pods. */
  private firstReleases(config: StackConfig, secret: DatabaseSecret | undefined, before: pulumi.Resource[]): pulumi.Resource[] {
    return releasesOf(config).flatMap(([name, process]) => {
      const args = processArgs(config, process, secret, fileArgs(config, name, this));
      return args === undefined ? [] : [new AppProcess(name, args, { parent: this, dependsOn: before })];
    });
  }

  private processes(config: StackConfig, secret: DatabaseSecret | undefined, before: pulumi.Resource[]): pulumi.Resource[] {
    const first = config.workload.web ? [] : this.firstReleases(config, secret, before);
    const made: pulumi.Resource[] = [];
    for (const [name, process] of Object.entries(config.processes)) {
      if (process.kind === "release") continue;
      const args = processArgs(config, process, secret, fileArgs(config, name, this));
      if (args !== undefined) made.push(new AppProcess(name, args, { parent: this, dependsOn: [...before, ...first] }));
    }
    // What no route leads to holds the load balancer's change back for nothing.
    return (config.ingress?.routes.length ?? 0) > 0 ? made : [];
  }

  /** Makes what runs the pods, and answers where requests go and what must be ready before they do. */
  private workloads(config: StackConfig, pods: PodTemplateArgs, argo: ArgoRollouts | undefined, dependsOn: pulumi.Resource[]): Backends {
    const { strategy, workload, autoscaling } = config;
    const args = {
      ...pods,
      minReadySeconds: workload.minReadySeconds,
      namespace: this.namespace,
      replicas: webReplicas(config),
      single: workload.once,
      servicePort: workload.servicePort,
      autoscaled: autoscaling.hpa.enabled,
    };
    if (strategy.kind === "blue-green") {
      const { green, greenWeight, blue } = strategy;
      const colours = new BlueGreen(
        this.app,
        {
          ...args,
          blueImage: workload.image,
          greenImage: strategy.image,
          green,
          greenWeight,
          blue,
          ...(green && greenWeight === 0 ? { greenAfter: this.entrance.there } : {}),
        },
        { parent: this, dependsOn },
      );
      const serving = greenWeight === 0 && colours.nodes.blue !== undefined ? colours.nodes.blue : colours;
      return { backends: colours.backends, ready: [serving] };
    }
    const deployment = strategy.kind === "rolling" || strategy.workload !== "rollout";
    const plain = new Workload(
      this.app,
      { ...args, deployment, ...(strategy.kind === "canary" && deployment ? { runner: "deployment" as const } : {}) },
      { parent: this, dependsOn },
    );
    const root = { serviceName: plain.serviceName, weight: 100 };
    if (strategy.kind !== "canary" || strategy.workload === "deployment") return { backends: [root], ready: [plain] };
    const canary = this.canary(config, pods, strategy, argo);
    const { serviceNames } = canary;
    if (strategy.workload === "rollout")
      return {
        backends: [
          { serviceName: serviceNames.stable, weight: 100 },
          { serviceName: serviceNames.canary, weight: 0 },
        ],
        ready: [plain, canary],
        managedByRollout: true,
        service: plain.serviceName,
      };
    return {
      backends: [
        { ...root, weight: 100 - strategy.rolloutWeight },
        { serviceName: serviceNames.stable, weight: strategy.rolloutWeight },
      ],
      ready: strategy.rolloutWeight === 0 ? [plain] : [plain, canary],
    };
  }

  private ingress(config: StackConfig, { backends, ready, managedByRollout = false }: Backends): PublicIngress | undefined {
    const { ingress, workload } = config;
    if (ingress === undefined) return undefined;
    const zoneOf = (host: string) => {
      const zoneId = publicZoneOf(config, host);
      return zoneId === undefined ? {} : { zoneId };
    };
    return new PublicIngress(
      this.app,
      {
        ...ingress,
        routes: routesOf(config),
        namespace: this.namespace,
        backends,
        managedByRollout,
        // Names that only private zones have are asked for too.
        also: hostsOf(config)
          .slice(1)
          .map((name) => ({ name, ...zoneOf(name) })),
        servicePort: workload.servicePort,
        tags: this.tags,
        ...zoneOf(ingress.host),
      },
      // Requests follow only once the pods that they go to are ready.
      { parent: this, dependsOn: ready },
    );
  }

  private argoRollouts({ cluster }: StackConfig): ArgoRollouts | undefined {
    if (!cluster.argoRollouts) return undefined;
    const { argoRolloutsVersion: version, argoRolloutsRoleArn: roleArn } = cluster;
    return new ArgoRollouts("argo-rollouts", { version, ...(roleArn === undefined ? {} : { roleArn }) }, { parent: this });
  }

  private canary(
    config: StackConfig,
    pods: PodTemplateArgs,
    strategy: Extract<StackConfig["strategy"], { kind: "canary" }>,
    argo: ArgoRollouts | undefined,
  ): CanaryRollout {
    const { workload, gates, autoscaling, ingress, cluster } = config;
    return new CanaryRollout(
      this.app,
      {
        ...pods,
        namespace: this.namespace,
        replicas: strategy.replicas,
        minReadySeconds: workload.minReadySeconds,
        steps: strategy.steps,
        revisionHistoryLimit: strategy.revisionHistoryLimit,
        rootService: this.app,
        servicePort: workload.servicePort,
        maxErrorRate: gates.maxErrorRate,
        // Where the load balancer answers, cutover's own gates watch the canary: a metric that nobody has would only stop it.
        analysis: sourceOf(config, "new") === "prometheus",
        selection: selectionOf(config),
        prometheusAddress: cluster.prometheusAddress,
        autoscaled: autoscaling.hpa.enabled,
        identity: false,
        pingPong: strategy.pingPong,
        ...(strategy.workload === "both" && strategy.rolloutWeight === 0 ? { podsAfter: this.entrance.there } : {}),
        // The controller takes the load balancer's rule over together with the traffic.
        ...(ingress !== undefined && strategy.workload === "rollout" ? { ingressName: this.app } : {}),
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

  private dns(config: StackConfig, kept: KeptRecord[] | undefined, ingress: PublicIngress | undefined): void {
    const { dns, old } = config;
    if (dns === undefined || dns.records === "none" || config.ingress === undefined) return;
    new WeightedDns(
      this.app,
      {
        zoneId: dns.zoneId,
        name: config.ingress.host,
        records: dns.records,
        weights: dns.weights,
        also: namesOf(config).slice(1),
        ...(kept === undefined ? {} : { kept }),
        oldAddresses: oldAddressesOf(config),
        ttlSeconds: dns.ttlSeconds,
        ...(old?.healthCheck === undefined ? {} : { healthCheck: old.healthCheck }),
        tags: this.tags,
        ...(ingress === undefined ? {} : { loadBalancerHostname: ingress.hostname }),
      },
      { parent: this },
    );
  }

  private groups(config: StackConfig, conditions: RuleCondition[] | undefined, { backends, ready, service }: Backends): void {
    const groups = groupsOf(config);
    const { ingress, workload } = config;
    if (groups === undefined || groups.records === "none" || ingress === undefined) return;
    const [first] = [...backends].sort((a, b) => b.weight - a.weight);
    new WeightedGroups(
      this.app,
      {
        namespace: this.namespace,
        serviceName: service ?? first?.serviceName ?? this.app,
        servicePort: workload.servicePort,
        containerPort: workload.containerPort,
        listenerArn: groups.listenerArn,
        loadBalancerArn: servingBalancerOf(config) ?? "",
        priority: groups.priority,
        conditions: conditions ?? [],
        oldTargetGroupArn: groups.oldTargetGroupArn,
        records: groups.records,
        weights: groups.weights,
        healthCheck: { path: ingress.healthCheckPath, ...ingress.healthCheck },
        deregistrationSeconds: ingress.deregistrationSeconds,
        ...(ingress.stickySeconds === undefined ? {} : { stickySeconds: ingress.stickySeconds }),
        tags: this.tags,
      },
      { parent: this, dependsOn: ready },
    );
  }

  private alerts(config: StackConfig, ingress: PublicIngress | undefined, recordsOnly: boolean): void {
    const { alerts, database } = config;
    if (!alerts.enabled) return;
    new AlertRules(
      this.app,
      {
        ...alerts,
        namespace: this.namespace,
        selection: selectionOf(config),
        tags: this.tags,
        // So that the service knows whose alert it is told of.
        labels: { stack: stackName(config) },
        // An alarm that this update leaves as it is needs no look at the load balancer: a way back must not wait for that.
        ...(ingress === undefined ? {} : { loadBalancer: recordsOnly ? ingress.hostname : ingress.loadBalancer().arnSuffix }),
        ...(database === undefined || database.role !== "primary" ? {} : { databaseIdentifier: database.target.identifier }),
      },
      { parent: this },
    );
  }

  private autoscaling(config: StackConfig, controller: VpaController | undefined): void {
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
      { parent: this, ...(controller === undefined ? {} : { dependsOn: [controller] }) },
    );
  }

  private spotNodes(config: StackConfig, current: NodeGroupSizes | undefined): void {
    const { spot, cluster } = config;
    if (spot === undefined || !spot.enabled) return;
    new SpotNodeGroup(
      this.app,
      { ...spot, clusterName: cluster.name, tags: this.tags, ...(current === undefined ? {} : { current }) },
      { parent: this },
    );
  }
}

/** Something that is there later. */
function deferred<T>(): { there: Promise<T>; made: (value: T) => void } {
  let made: (value: T) => void = () => undefined;
  const there = new Promise<T>((resolve) => {
    made = resolve;
  });
  return { there, made };
}

/** What carries the pods now, and so is scaled. */
function scaledTarget(app: string, { strategy }: StackConfig): { apiVersion: string; kind: "Deployment" | "Rollout"; name: string } {
  if (strategy.kind === "canary" && strategy.workload === "rollout")
    return { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: app };
  const name = strategy.kind === "blue-green" ? `${app}-${strategy.blue ? "blue" : "green"}` : app;
  return { apiVersion: "apps/v1", kind: "Deployment", name };
}
