import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import {
  AlertRules,
  Autoscaling,
  CanaryRollout,
  DatabaseSecret,
  PublicIngress,
  ReplicaDatabase,
  WeightedDns,
  Workload,
} from "../../src/components/index.js";
import { projectRoot } from "../../src/engine/engine.js";
import { only, type Registered } from "./harness.js";

/** One manifest, record or command of the seed, and what the component registers for it. */
export interface SeedItem {
  /** As the seed names it. */
  item: string;
  component: string;
  make: () => unknown;
  /** The seed's own text, parsed. */
  seed: unknown;
  /** What was registered, in the seed's form. */
  ours: (all: Registered[]) => unknown;
  /** Where the two differ on purpose, by path (and everything below it), and why. */
  differences: Record<string, string>;
}

const file = (name: string) => readFileSync(join(projectRoot(), "test", "fixtures", "seed", name), "utf8");
const yaml = (name: string) => parse(file(name));
/** The record of a Route 53 change batch. */
const recordSet = (name: string) => JSON.parse(file(name)).Changes[0].ResourceRecordSet;

/** `--name value` and `--name=value` of a command; what is no flag comes under `arguments`. */
function command(name: string): Record<string, string> {
  const words = file(name)
    .replaceAll("\\\n", " ")
    .split("|")[0]
    ?.match(/(?:"[^"]*"|[^\s"])+/g) as string[];
  const found: Record<string, string> = { arguments: "" };
  let open: string | undefined;
  for (const word of words) {
    const [, flag, inline] = /^--?([\w-]+)(?:=(.*))?$/.exec(word) ?? [];
    if (flag !== undefined) {
      found[flag] = (inline ?? "").replaceAll('"', "");
      open = inline === undefined ? flag : undefined;
    } else if (open !== undefined) {
      found[open] = word;
      open = undefined;
    } else found.arguments = `${found.arguments} ${word}`.trim();
  }
  return found;
}

const IMAGE = "ghcr.io/your-org/web-api:1.0.0";
const CERTIFICATE = "arn:aws:acm:us-east-2:123456789012:certificate/abc123";
const FORCED = "A way back must not end in a conflict over a field that a controller took, as the autoscaler takes the number of pods.";
const NAMESPACE_EXPLICIT = "The namespace is explicit: the seed leaves it to kustomize's overlay.";
const LABELS = "Labels of the application, so that everything of it is found together.";

const MIN_READY = "A new pod is ready for a while before an old one goes.";
const HEALTH = "How healthy is judged is stated: an application may answer 204 or a redirect.";
const PAUSE = "A pod that leaves serves until the load balancer has let go of it: without the pause every rolling update drops requests.";

interface Record53 {
  name: string;
  type: string;
  setIdentifier: string;
  weightedRoutingPolicies: { weight: number }[];
  ttl?: number;
  records?: string[];
  aliases?: { name: string; zoneId: string; evaluateTargetHealth: boolean }[];
}

/** A registered record as Route 53's own API writes it. */
function asRecordSet(r: Record53): object {
  const [alias] = r.aliases ?? [];
  return {
    Name: r.name,
    Type: r.type,
    SetIdentifier: r.setIdentifier,
    Weight: r.weightedRoutingPolicies[0]?.weight,
    ...(r.ttl === undefined ? {} : { TTL: r.ttl }),
    ...(r.records === undefined ? {} : { ResourceRecords: r.records.map((Value) => ({ Value })) }),
    ...(alias === undefined
      ? {}
      : { AliasTarget: { HostedZoneId: alias.zoneId, DNSName: alias.name, EvaluateTargetHealth: alias.evaluateTargetHealth } }),
  };
}

const weightedDns = () =>
  new WeightedDns("web-api", {
    zoneId: "Z1234567890ABC",
    name: "api.example.com",
    records: "both",
    weights: { old: 90, new: 10 },
    oldAddresses: ["1.2.3.4"],
    loadBalancerHostname: "$ALB_DNS",
  });

const workload = () =>
  new Workload("web-api", {
    namespace: "production",
    image: IMAGE,
    env: { NODE_ENV: "production" },
    secretEnv: { DATABASE_URL: "database-url", REDIS_URL: "redis-url" },
  });

const autoscaling = () =>
  new Autoscaling("web-api", {
    namespace: "production",
    target: { apiVersion: "apps/v1", kind: "Deployment", name: "web-api" },
    hpa: { minReplicas: 3, maxReplicas: 10, cpuPercent: 70 },
    vpa: { updateMode: "Auto" },
  });

export const SEED_ITEMS: SeedItem[] = [
  {
    item: "k8s/base/deployment.yaml",
    component: "Workload",
    make: workload,
    seed: yaml("deployment.yaml"),
    ours: (all) => only(all, "apps/v1:Deployment"),
    differences: {
      "metadata.namespace": NAMESPACE_EXPLICIT,
      "metadata.annotations": FORCED,
      "spec.template.spec.securityContext.seccompProfile":
        "The runtime's default seccomp profile: the restricted Pod Security Standard asks for it.",
      "spec.minReadySeconds": MIN_READY,
      "spec.template.spec.terminationGracePeriodSeconds": PAUSE,
      "spec.template.spec.containers[0].lifecycle": PAUSE,
    },
  },
  {
    item: "k8s/base/service.yaml",
    component: "Workload",
    make: workload,
    seed: yaml("service.yaml"),
    ours: (all) => only(all, "core/v1:Service"),
    differences: { "metadata.namespace": NAMESPACE_EXPLICIT },
  },
  {
    item: "k8s/base/ingress.yaml",
    component: "PublicIngress",
    make: () =>
      new PublicIngress("web-api", {
        namespace: "production",
        host: "api.example.com",
        certificateArn: CERTIFICATE,
        backends: [{ serviceName: "web-api", weight: 100 }],
      }),
    seed: yaml("ingress.yaml"),
    ours: (all) => only(all, "Ingress"),
    differences: {
      "metadata.namespace": NAMESPACE_EXPLICIT,
      "metadata.labels": LABELS,
      'metadata.annotations["kubernetes.io/ingress.class"]': "Deprecated since Kubernetes 1.18: `ingressClassName` replaces it.",
      "spec.ingressClassName": "Takes the deprecated annotation's place.",
      'metadata.annotations["alb.ingress.kubernetes.io/listen-ports"]':
        "Without an HTTPS listener `ssl-redirect` has nowhere to redirect to.",
      'metadata.annotations["alb.ingress.kubernetes.io/healthcheck-interval-seconds"]': HEALTH,
      'metadata.annotations["alb.ingress.kubernetes.io/healthcheck-timeout-seconds"]': HEALTH,
      'metadata.annotations["alb.ingress.kubernetes.io/healthy-threshold-count"]': HEALTH,
      'metadata.annotations["alb.ingress.kubernetes.io/unhealthy-threshold-count"]': HEALTH,
      'metadata.annotations["alb.ingress.kubernetes.io/success-codes"]': HEALTH,
      'metadata.annotations["alb.ingress.kubernetes.io/ssl-policy"]': "The controller's default accepts TLS 1.0; this one TLS 1.2 and 1.3.",
      'metadata.annotations["alb.ingress.kubernetes.io/target-group-attributes"]':
        "The deregistration delay, shorter than the pods' pause before they stop: the default of 300 s is longer.",
      'metadata.annotations["alb.ingress.kubernetes.io/healthcheck-path"]':
        "The default path `/` is not where the application answers for its health.",
    },
  },
  {
    item: "aws rds create-db-instance-read-replica",
    component: "ReplicaDatabase",
    make: () =>
      new ReplicaDatabase("web-api", {
        identifier: "prod-db-replica",
        sourceIdentifier: "prod-db",
        role: "replica",
        instanceClass: "db.r6g.large",
        vpcId: "vpc-0new",
        subnetIds: ["subnet-0a", "subnet-0b"],
        clientSecurityGroupIds: ["sg-0nodes"],
      }),
    seed: command("create-replica.sh"),
    ours: (all) => {
      const { identifier, replicateSourceDb, dbSubnetGroupName, publiclyAccessible } = only(all, "rds/instance:Instance");
      return {
        arguments: "aws rds create-db-instance-read-replica",
        "db-instance-identifier": identifier,
        "source-db-instance-identifier": replicateSourceDb,
        "db-subnet-group-name": dbSubnetGroupName,
        "publicly-accessible": String(publiclyAccessible),
      };
    },
    differences: {
      '["source-db-instance-identifier"]':
        "The source's ARN: with its identifier and a subnet group the service answers DBSubnetGroupNotAllowedFault.",
      '["db-subnet-group-name"]': "A subnet group of its own, named after the database; it needs no other one to exist.",
    },
  },
  {
    item: "kubectl create secret generic web-api-secrets",
    component: "DatabaseSecret",
    make: () =>
      new DatabaseSecret("web-api", {
        namespace: "production",
        database: { host: "new-db-endpoint", port: 5432, databaseName: "db", username: "user", password: "pass" },
      }),
    seed: command("secret.sh"),
    ours: (all) => {
      const { metadata, stringData, type } = only(all, "core/v1:Secret");
      return {
        arguments: `kubectl create secret ${type === "Opaque" ? "generic" : type} ${metadata.name}`,
        "from-literal": Object.entries(stringData)
          .map(([key, value]) => `${key}=${value}`)
          .join(),
        n: metadata.namespace,
      };
    },
    differences: {
      '["dry-run"]': "How kubectl makes a create repeatable; the engine's updates are.",
      o: "Belongs to the dry run.",
    },
  },
  {
    item: "rollout.yaml",
    component: "CanaryRollout",
    make: () =>
      new CanaryRollout("web-api", {
        namespace: "production",
        image: "ghcr.io/your-org/web-api:1.1.0",
        rootService: "web-api",
        ingressName: "web-api",
      }),
    seed: yaml("rollout.yaml"),
    ours: (all) => {
      const rollout = structuredClone(only(all, "Rollout"));
      // `5m` and `300s` are one duration.
      for (const step of rollout.spec.strategy.canary.steps) if (step.pause?.duration === "300s") step.pause.duration = "5m";
      return rollout;
    },
    differences: {
      "metadata.namespace": NAMESPACE_EXPLICIT,
      "metadata.labels": LABELS,
      "metadata.annotations": FORCED,
      "spec.strategy.canary.stableService":
        "Services of the stable and of the new version, so that the load balancer can weigh them exactly.",
      "spec.strategy.canary.canaryService": "As `stableService`.",
      "spec.strategy.canary.trafficRouting":
        "Without it the split is by numbers of pods: 20 % of five pods is one pod, whatever the requests do.",
      "spec.strategy.canary.abortScaleDownDelaySeconds":
        "After an abort the canary's pods stay until the load balancer has taken their weight away.",
      "spec.strategy.canary.analysis": "A bad canary is aborted automatically.",
      'spec.selector.matchLabels["cutover.dev/runner"]':
        "A Deployment of the same application may run beside it; their pods must not be mixed up.",
      'spec.template.metadata.labels["cutover.dev/runner"]': "As in the selector.",
      "spec.template.metadata.annotations": "The seed says `rest of container spec`: what its deployment.yaml has.",
      "spec.minReadySeconds": MIN_READY,
      "spec.template.spec.terminationGracePeriodSeconds": PAUSE,
      "spec.template.spec.serviceAccountName": "Rest of deployment.yaml.",
      "spec.template.spec.securityContext": "Rest of deployment.yaml.",
      "spec.template.spec.volumes": "Rest of deployment.yaml.",
      "spec.template.spec.containers[0]": "Rest of deployment.yaml; name and image are equal.",
    },
  },
  {
    item: "Route 53 record old-infra",
    component: "WeightedDns",
    make: weightedDns,
    seed: recordSet("old-infra.json"),
    ours: (all) => asRecordSet(only(all, "record:Record", "web-api-old")),
    differences: {},
  },
  {
    item: "Route 53 record new-infra",
    component: "WeightedDns",
    make: weightedDns,
    seed: recordSet("new-infra.json"),
    ours: (all) => asRecordSet(only(all, "record:Record", "web-api-new")),
    differences: {
      "AliasTarget.HostedZoneId":
        "Z35SXDOTRQ7X7K is us-east-1's load balancer zone; the stack's region is us-east-2: the zone is looked up.",
    },
  },
  {
    item: "prometheus-rules.yaml",
    component: "AlertRules",
    make: () => new AlertRules("web-api", { namespace: "production" }),
    seed: yaml("prometheus-rules.yaml"),
    ours: (all) => {
      const rules = structuredClone(only(all, "PrometheusRule"));
      for (const rule of rules.spec.groups[0].rules) if (rule.for === "300s") rule.for = "5m";
      return rules;
    },
    differences: {
      "metadata.labels": LABELS,
      "spec.groups[0].rules[0].expr":
        "The same ratio for every name that a status label has, without probes, of the stack's namespace and environment, and 0 without a single error: with the guide's own, a service whose label is `code` has no errors (promtool shows both).",
      "spec.groups[0].rules[1].expr":
        "`sum by (le)`: over several pods a quantile needs their buckets summed, or each pod gives an alert of its own (promtool shows it).",
      "spec.groups[0].rules[3]":
        "ErrorsNotMeasured: where the status of requests says nothing, the guide's alerts stay silent whatever happens.",
      "spec.groups[0].rules[2]":
        "NoPodUp: pods that are all down count no requests, so that the error rate has no value and the guide's two alerts stay silent.",
    },
  },
  {
    item: "kubectl autoscale deployment web-api",
    component: "Autoscaling",
    make: autoscaling,
    seed: command("autoscale.sh"),
    ours: (all) => {
      const { metadata, spec } = only(all, "HorizontalPodAutoscaler");
      const [metric] = spec.metrics;
      return {
        arguments: `kubectl autoscale ${spec.scaleTargetRef.kind.toLowerCase()} ${spec.scaleTargetRef.name}`,
        "cpu-percent": String(metric.resource.target.averageUtilization),
        min: String(spec.minReplicas),
        max: String(spec.maxReplicas),
        n: metadata.namespace,
      };
    },
    differences: {},
  },
  {
    item: "VerticalPodAutoscaler web-api-vpa",
    component: "Autoscaling",
    make: autoscaling,
    seed: yaml("vpa.yaml"),
    ours: (all) => only(all, "VerticalPodAutoscaler"),
    differences: {
      "metadata.labels": LABELS,
      "spec.resourcePolicy": "Beside an HPA on CPU the VPA takes memory only: both on CPU fight.",
    },
  },
];
