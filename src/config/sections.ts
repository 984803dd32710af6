import { z } from "zod";
import { POLICY_NAMES } from "../policies/policies.js";
import { CONVENTION_NAMES } from "../promql/conventions.js";
import { formProblem } from "./connection.js";
import { MOVED_NAME } from "./names.js";
import { ownGates } from "./ownGates.js";
import { env, podOptions, probe, resources, secretEnv, writablePaths } from "./pods.js";
import {
  arn,
  awsId,
  cidrBlock,
  count,
  endpointHost,
  fraction,
  hostName,
  image,
  ipv4,
  name,
  port,
  ramp,
  seconds,
  timeZone,
  weight,
} from "./primitives.js";

/**
 * The sections of a stack config, one key each under the `cutover:` namespace. Defaults are the values of the seed
 * (production-migration). What a step changes is marked "set by steps"; everything else belongs to the user.
 */

const HOUR = 3_600;
const DAY = 86_400;

export const application = z.strictObject({
  /** Name in the inventory. */
  name,
  /** `staging`, `production`, …: with the name it makes the stack's name, NAME-ENVIRONMENT. */
  environment: name,
  /** Kubernetes namespace. @default the environment's name */
  namespace: name.optional(),
  /** From the inventory's Critical column; Spot capacity is refused for `high`. */
  criticality: z.enum(["high", "medium", "low"]),
  owner: z.string().min(1).default("unassigned"),
});

export const workload = z.strictObject({
  /** Whether the workload exists in the cluster. Set by steps. */
  deployed: z.boolean().default(false),
  image,
  replicas: count(1, 1_000).default(3),
  /** Replaces the image's entry point. @default the image's own */
  command: z.array(z.string().min(1)).min(1, "at least one word").optional(),
  /** Arguments of the entry point. @default the image's own */
  args: z.array(z.string()).min(1, "at least one argument").optional(),
  /** Folders beside /tmp that the container may write to: empty at its start, gone with the pod. The rest is read-only. */
  writablePaths,
  /** IAM role of the pods in place of the old instance profile (IRSA); it must trust the cluster's OIDC provider. @default none */
  roleArn: arn("iam")
    .refine((a) => a.includes(":role/"), "an ARN of an IAM role")
    .optional(),
  containerPort: port.default(3_000),
  servicePort: port.default(80),
  imagePullPolicy: z.enum(["IfNotPresent", "Always", "Never"]).default("IfNotPresent"),
  /** Plain environment variables. A value that looks like a credential is refused: it belongs in `secrets`. */
  env: env.default({ NODE_ENV: "production" }),
  /** Environment variable → key in the application's Kubernetes Secret (NAME-secrets). */
  secretEnv: secretEnv.default({}),
  resources,
  probes: z
    .strictObject({
      liveness: probe("/health", 30, 10, 5, 3).prefault({}),
      readiness: probe("/ready", 10, 5, 3, 2).prefault({}),
      /** For applications that start slowly: the others begin once it passed. @default none */
      startup: probe("/health", 0, 10, 5, 30).optional(),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      scrape: z.boolean().default(true),
      /** Another port than the application's is opened for it. @default containerPort */
      port: port.optional(),
      path: z.string().startsWith("/").default("/metrics"),
    })
    .prefault({}),
  /**
   * How long a pod that is to leave goes on serving, so that the load balancer has let go of it before: longer than
   * `ingress.deregistrationSeconds`. Without an ingress there is no pause.
   */
  preStopSeconds: seconds(0, 3_600).default(40),
  /** How long a pod may take to stop, the pause included. */
  terminationGraceSeconds: seconds(1, 7_200).default(75),
  /** How long a new pod must be ready before an old one goes. */
  minReadySeconds: seconds(0, 3_600).default(5),
  /** User and group id the container runs as; 0 is refused. */
  runAsUser: count(1, 65_535).default(1_001),
  /** Whether there is a web process at all; false for an application of workers and schedules alone. */
  web: z.boolean().default(true),
  /**
   * Whether the web process may run only once in the world, because it runs triggers or schedules of its own beside serving users. It
   * moves with what else may run once: stopped on the old side, observed stopped, and started here in the update that sends all users
   * here, who wait meanwhile. Until then no pod of it runs here.
   */
  once: z.boolean().default(false),
  ...podOptions,
});

export const ingress = z.strictObject({
  host: hostName,
  scheme: z.enum(["internet-facing", "internal"]).default("internet-facing"),
  /** An existing ACM certificate; without it one is requested and validated through DNS. */
  certificateArn: arn("acm").optional(),
  healthCheckPath: z.string().startsWith("/", "a path that starts with /").default("/health"),
  /** `dualstack` where a name has AAAA records too: the load balancer answers over IPv6 then. */
  ipAddressType: z.enum(["ipv4", "dualstack"]).default("ipv4"),
  /** Class of the Ingress, as the controller that makes load balancers is installed. */
  className: name.default("alb"),
  /** Which TLS versions and ciphers the load balancer accepts. */
  sslPolicy: z
    .string()
    .regex(
      /^ELBSecurityPolicy-[A-Za-z0-9-]+$/,
      "a security policy of Elastic Load Balancing, for example ELBSecurityPolicy-TLS13-1-2-2021-06",
    )
    .default("ELBSecurityPolicy-TLS13-1-2-2021-06"),
  /** How the load balancer asks for `healthCheckPath`. */
  healthCheck: z
    .strictObject({
      /** Answers that count as healthy, for example 200-299 or 200,302. */
      successCodes: z
        .string()
        .regex(/^[2-4]\d\d([,-][2-4]\d\d)*$/, "status codes, for example 200-299 or 200,302")
        .default("200"),
      intervalSeconds: seconds(5, 300).default(15),
      timeoutSeconds: seconds(2, 120).default(5),
      healthyThreshold: count(2, 10).default(2),
      unhealthyThreshold: count(2, 10).default(2),
    })
    .refine((h) => h.timeoutSeconds < h.intervalSeconds, { message: "a timeout below the interval", path: ["timeoutSeconds"] })
    .prefault({}),
  /**
   * How long the load balancer lets requests of a pod that leaves come to their end. Below `workload.preStopSeconds`. Whatever takes
   * longer, a WebSocket or an upload, is cut by every rolling update, scale-down and restart of a node: see docs/how-to/4-rollout.md.
   */
  deregistrationSeconds: seconds(0, 3_600).default(30),
  /** Paths, or whole hosts, that lead to another process than the web. The longest path that matches counts. */
  routes: z
    .array(
      z.strictObject({
        /** `/` for all of a host of its own. */
        path: z.string().regex(/^\/[\w./-]*$/, "a path that starts with /, of letters, digits and ./-_"),
        /** `ingress.host`, or a name of `dns.also`. @default every host */
        host: hostName.optional(),
        /** Name in `processes`, of kind service. */
        process: name,
      }),
    )
    .default([]),
  /** How long a connection may be silent, for long requests and WebSockets. @default the load balancer's own, 60 s */
  idleTimeoutSeconds: seconds(1, 4_000).optional(),
  /** How long a client stays with the pod that answered it first. @default not at all */
  stickySeconds: seconds(1, 604_800).optional(),
  /** How the load balancer speaks with the web's pods. */
  protocolVersion: z.enum(["HTTP1", "HTTP2", "GRPC"]).default("HTTP1"),
});

/** Kinds of databases that cutover moves itself; what stands for each is in src/adapters/engines. */
export const DATABASE_ENGINES = ["postgresql"] as const;
export type DatabaseEngineName = (typeof DATABASE_ENGINES)[number];

export const database = z.strictObject({
  /** Kind of both databases. Others are moved by people: `stores`. */
  engine: z
    .enum(DATABASE_ENGINES, `${DATABASE_ENGINES.join(" or ")}: other kinds are moved by people, as an entry of stores`)
    .default("postgresql"),
  /** The database that serves the old infrastructure today. */
  source: z.strictObject({
    identifier: name,
    /** Only needed when the source is in another region or account; otherwise it is looked up. */
    arn: arn("rds").optional(),
    endpoint: endpointHost,
    port: port.default(5_432),
    databaseName: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "a database name"),
    username: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "a database user name"),
    sizeGb: count(1, 65_536),
  }),
  /** The replica in the new VPC, which becomes the application's database. */
  target: z.strictObject({
    identifier: name,
    instanceClass: z.string().regex(/^db\.[a-z0-9]+\.[a-z0-9]+$/, "an RDS instance class, for example db.r6g.large"),
    vpcId: awsId("vpc"),
    subnetIds: z.array(awsId("subnet")).min(2, "at least two subnets in different availability zones"),
    /** Security groups of the cluster's nodes. */
    clientSecurityGroupIds: z.array(awsId("sg")).min(1, "at least one security group"),
    /**
     * Who else may connect until the old DNS record is removed: the old fleet, which uses the promoted database, and the old
     * database, which follows it so that going back loses nothing. Blocks for what is in a VPC that is not peered in the
     * same region.
     */
    oldSide: z
      .strictObject({
        securityGroupIds: z.array(awsId("sg")).default([]),
        cidrBlocks: z.array(cidrBlock).default([]),
        /** Nobody of the old side any more: its groups are about to be deleted. Set by steps, where no name is moved. */
        closed: z.boolean().default(false),
      })
      .prefault({}),
    multiAz: z.boolean().default(true),
    /** Key for an encrypted replica of a source in another region. */
    kmsKeyId: arn("kms").optional(),
  }),
  /** What the target is. Set by steps: absent → replica → primary. */
  role: z.enum(["absent", "replica", "primary"]).default("absent"),
  /** Which database the application's connection string names. Set by steps. */
  active: z.enum(["old", "new"]).default("old"),
  /** Automated backups of the target. */
  backup: z
    .strictObject({
      retentionDays: count(1, 35).default(7),
      window: z
        .string()
        .regex(/^\d\d:\d\d-\d\d:\d\d$/, "a UTC window, for example 03:00-04:00")
        .default("03:00-04:00"),
      /**
       * Backups of the replica too, which RDS for PostgreSQL makes from version 14.1 on: the cutover is not begun before one is
       * completed. Without them RDS takes the first backup with the promotion, while users cannot write. @default false
       */
      onReplica: z.boolean().default(false),
      /** With `onReplica`: how old that backup may be when the cutover begins. */
      maxAgeSeconds: seconds(HOUR, 7 * DAY).default(26 * HOUR),
    })
    .prefault({}),
  /** When the target may be maintained, weekly, in UTC: beside `backup.window`, or RDS would refuse the promotion. */
  maintenanceWindow: z
    .string()
    .regex(
      /^(mon|tue|wed|thu|fri|sat|sun):\d\d:\d\d-(mon|tue|wed|thu|fri|sat|sun):\d\d:\d\d$/,
      "a weekly UTC window, for example sun:05:00-sun:06:00",
    )
    .default("sun:05:00-sun:06:00"),
  /**
   * How long writes may be refused before the point of no return: catching up and comparing must be done by then, or
   * everything is undone and writes are allowed again. The promotion itself, some minutes of RDS's, comes after that and counts
   * against nothing; without `backup.onReplica` a whole backup comes with it.
   */
  writePauseSeconds: seconds(1, DAY).default(60),
  /**
   * What becomes of changes of the schema after the promotion, as a new version's migrations make them: `carry` makes new
   * tables, partitions and columns on the old database too, with their rows, so that going back keeps them; `hold` holds
   * the migration as soon as they are seen. What cannot be carried holds it either way.
   */
  schemaChanges: z.enum(["carry", "hold"]).default("hold"),
  /**
   * Keys of the application's Secret with the connection in a form of your own, for what no ready one is: {host}, {port}, {name},
   * {user} and {password} stand for the values as in a URL, {raw:password} for one as it is.
   */
  forms: z
    .record(
      name,
      z.string().refine((t) => formProblem(t) === undefined, "text with {host}, {port}, {name}, {user} and {password}, or {raw:password}"),
    )
    .default({}),
  /** How long the old database stays available, read-only, after promotion. */
  keepOldSeconds: seconds(0, 366 * DAY).default(7 * DAY),
});

/** What serves the application today. Absent for an environment that has no old infrastructure. */
export const oldInfrastructure = z.strictObject({
  instanceIds: z.array(awsId("i")).default([]),
  /**
   * `none`: nobody reaches the old side by a name, as a worker or a scheduled job. Without this and without a dns section no
   * step moves its users, so the clean-up leaves the old side as it is. @default unknown
   */
  users: z.literal("none").optional(),
  /** What answers today. The records themselves are read from the zone and kept as they are; this is for measuring and for the clean-up. */
  endpoints: z
    .array(
      z.discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("load-balancer"), arn: arn("elasticloadbalancing") }),
        z.strictObject({ kind: z.literal("addresses"), addresses: z.array(ipv4).min(1, "at least one address") }),
        z.strictObject({ kind: z.literal("host"), name: hostName }),
        z.strictObject({ kind: z.literal("cloudfront"), distributionId: z.string().regex(/^E[A-Z0-9]{5,}$/, "a distribution's id") }),
        z.strictObject({ kind: z.literal("auto-scaling-group"), name: z.string().min(1).max(255) }),
      ]),
    )
    .default([]),
  /** Earlier form of an endpoint of kind `addresses`; used where the zone has no record yet. */
  addresses: z.array(ipv4).min(1, "at least one address").optional(),
  /** Earlier form of an endpoint of kind `load-balancer`. */
  loadBalancerArn: arn("elasticloadbalancing").optional(),
  databaseIdentifier: name.optional(),
  securityGroupIds: z.array(awsId("sg")).default([]),
  /**
   * A Route 53 health check of the first address. While it fails, Route 53 sends everybody to the new side, whatever its weight:
   * only for an old side that answers it today. @default none
   */
  healthCheck: z
    .strictObject({
      type: z.enum(["HTTP", "HTTPS"]).default("HTTPS"),
      port: port.default(443),
      path: z.string().startsWith("/", "a path that starts with /"),
    })
    .optional(),
});

const rolling = z.strictObject({
  kind: z.literal("rolling"),
  /** The version that the rollout phase brings; `workload.image` is the one before. */
  image,
});

const blueGreen = z.strictObject({
  kind: z.literal("blue-green"),
  image,
  /** Percent of traffic to green, step by step. */
  weights: ramp([5, 10, 25, 50, 75, 100]),
  /** How long the gates must hold after each weight. */
  holdSeconds: seconds(60, 30 * DAY).default(300),
  /** Whether green exists. Set by steps. */
  green: z.boolean().default(false),
  /**
   * How long going back from green takes, in equal pauses along the earlier weights, for applications that need
   * warm-up. 0 goes back at once. @default 0
   */
  abortRampSeconds: seconds(0, 3_600).default(0),
  /** Percent of traffic to green now. Set by steps. */
  greenWeight: weight.default(0),
  /** Whether blue exists. Set by steps: only after green carried 100 %. */
  blue: z.boolean().default(true),
});

const canary = z.strictObject({
  kind: z.literal("canary"),
  image,
  replicas: count(1, 1_000).default(5),
  steps: z
    .array(z.strictObject({ setWeight: weight, pauseSeconds: seconds(0, DAY).default(300) }))
    .min(1, "at least one step")
    .default([20, 40, 60, 80].map((setWeight) => ({ setWeight, pauseSeconds: 300 }))),
  revisionHistoryLimit: count(0, 100).default(2),
  /** How the workload runs now. Set by steps: deployment → both (a Rollout of the same version beside it) → rollout. */
  workload: z.enum(["deployment", "both", "rollout"]).default("deployment"),
  /**
   * Whether two Services take turns (ping-pong), so that a promotion sends nobody to pods that the load balancer does not know yet.
   * Set by the step that brings the Rollout; a live Rollout keeps what it began with.
   */
  pingPong: z.boolean().default(false),
  /** Percent of requests that the load balancer sends to the Rollout while both run. Set by steps. */
  rolloutWeight: weight.default(0),
});

export const strategy = z.discriminatedUnion("kind", [rolling, blueGreen, canary], {
  error: 'a strategy of kind "rolling", "blue-green" or "canary"',
});

const hostedZone = z.string().regex(/^Z[A-Z0-9]{5,31}$/, "a Route 53 hosted zone id, for example Z1234567890ABC");

export const dns = z.strictObject({
  /** Route 53 hosted zone. */
  zoneId: hostedZone,
  /** Whether that zone is a private one, which nobody can ask from outside its VPCs. */
  private: z.boolean().default(false),
  /** Further names that move together with the host: another name, an apex, a wildcard, or the same name in a private zone. */
  also: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(
            MOVED_NAME,
            "a fully qualified lower-case name, for example www.example.com or *.example.com; an international one in punycode",
          ),
        /** @default the zone of the host */
        zoneId: hostedZone.optional(),
        private: z.boolean().default(false),
      }),
    )
    .default([]),
  /** Which weighted records exist. Set by steps: none → old → both → new. */
  records: z.enum(["none", "old", "both", "new"]).default("none"),
  /** Percent of answers. Set by steps; sums to 100. */
  weights: z
    .strictObject({ old: weight, new: weight })
    .refine((w) => w.old + w.new === 100, "weights that sum to 100")
    .default({ old: 100, new: 0 }),
  /** TTL of the old record now, as it is before the migration. Set by steps. */
  ttlSeconds: seconds(1, 604_800).default(300),
  /** TTL outside the cutover; restored afterwards. */
  normalTtlSeconds: seconds(1, 604_800).default(300),
  /** TTL during the cutover. */
  cutoverTtlSeconds: seconds(1, 3_600).default(60),
  /** How long before the cutover the TTL is lowered. */
  lowTtlForSeconds: seconds(0, 30 * DAY).default(7 * DAY),
  /** Percent to the new side, step by step. */
  steps: ramp([10, 25, 50, 75, 100]),
  /** How long the gates must hold after each weight. */
  holdSeconds: seconds(60, 30 * DAY).default(1_800),
});

const listenerPart = "app/[A-Za-z0-9-]+/[0-9a-f]+/[0-9a-f]+";
const elbArn = (what: string, pattern: string, example: string) =>
  z
    .string()
    .regex(new RegExp(`^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\\d{12}:${pattern}$`), `the ARN of ${what}, for example ${example}`);

const byDns = z.strictObject({
  /** The weighted records of the `dns` section. */
  kind: z.literal("dns"),
});

const byTargetGroups = z.strictObject({
  /** The load balancer that users have stays; a rule of it sends to the old target group and to one of the cluster's pods. */
  kind: z.literal("target-groups"),
  /** Listener of the Application Load Balancer that serves today. */
  listenerArn: elbArn(
    "a listener of an Application Load Balancer",
    `listener/${listenerPart}`,
    "arn:aws:elasticloadbalancing:us-east-2:123456789012:listener/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2",
  ),
  /** Its rule that serves the application today. It is never changed. @default the listener's default action */
  ruleArn: elbArn(
    "a rule of an Application Load Balancer's listener",
    `listener-rule/${listenerPart}/[0-9a-f]+`,
    "arn:aws:elasticloadbalancing:us-east-2:123456789012:listener-rule/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee",
  ).optional(),
  /**
   * Number of cutover's own rule, which has the same conditions and comes right before that one: free, below that rule's number
   * and above the one of every rule before it. In front of a default action, above every other rule's.
   */
  priority: count(1, 50_000),
  /** Target group of the old instances, which that rule sends to. Nothing is ever registered in it. */
  oldTargetGroupArn: elbArn(
    "a target group",
    "targetgroup/[A-Za-z0-9-]+/[0-9a-f]+",
    "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/old-web/73e2d6bc24d8a067",
  ),
  /** Which sides cutover's rule sends to. Set by steps: none (there is no such rule) → both → new. */
  records: z.enum(["none", "both", "new"]).default("none"),
  /** Percent of requests. Set by steps; sums to 100. */
  weights: z
    .strictObject({ old: weight, new: weight })
    .refine((w) => w.old + w.new === 100, "weights that sum to 100")
    .default({ old: 100, new: 0 }),
  /** Percent to the new side, step by step. */
  steps: ramp([10, 25, 50, 75, 100]),
  /** How long the gates must hold after each weight. */
  holdSeconds: seconds(60, 30 * DAY).default(1_800),
});

/** What moves users to the new side. @default the records of the `dns` section */
export const traffic = z.discriminatedUnion("kind", [byDns, byTargetGroups], {
  error:
    'traffic of kind "dns" or "target-groups"; "both", one after the other, is not supported: move by target groups first, then the name by a migration of its own',
});

const labelName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "a label name");
const seriesLabels = z.record(labelName, z.string().min(1, "a label value"));

const loadBalancerSource = z.strictObject({
  /** The load balancer's own figures in CloudWatch: every answer that users got, its own errors among them. */
  kind: z.literal("load-balancer"),
});

const prometheusSource = z.strictObject({
  kind: z.literal("prometheus"),
  /** How the metrics are named. */
  convention: z.enum(CONVENTION_NAMES, `one of ${CONVENTION_NAMES.join(", ")}`).default("guide"),
  /** Labels that select the application's series. @default job NAME, with its namespace and environment where series have such labels */
  labels: seriesLabels.optional(),
  /**
   * Expressions of your own instead of the convention's, each with one value; `$window` stands for the window. A service
   * without a single error must give 0, for example with `or vector(0)`: no value is unknown.
   */
  expressions: z
    .strictObject({
      /** Requests a second. */
      requests: z.string().min(1),
      /** Failed requests a second. */
      errors: z.string().min(1),
      /** Seconds of the 95th percentile. @default unknown */
      latencyP95: z.string().min(1).optional(),
    })
    .optional(),
});

const source = z.discriminatedUnion("kind", [loadBalancerSource, prometheusSource], {
  error: 'a source of kind "load-balancer" or "prometheus"',
});

/** What answers error rate, latency and number of requests, for each side. */
export const sources = z
  .strictObject({
    /** @default the load balancer where there is an ingress, otherwise Prometheus */
    new: source.optional(),
    /** @default the load balancer */
    old: source.optional(),
  })
  .prefault({});

export const gates = z
  .strictObject({
    /** Highest fraction of requests answered 5xx. */
    maxErrorRate: fraction.default(0.05),
    /** Highest 95th percentile of the request duration, in seconds. */
    maxLatencyP95Seconds: z.number().positive("a number above 0").default(1),
    /** Whether the new side is compared with the old one too, while both serve users. Needs a load balancer among `old.endpoints`. */
    compareWithOld: z.boolean().default(true),
    /** Highest fraction by which the new side's 5xx may exceed the old side's. */
    maxErrorRateOverOld: fraction.default(0.02),
    /** Highest 95th percentile as a multiple of the old side's. */
    maxLatencyOverOld: z.number().positive("a number above 0").default(1.5),
    /** Window of the rates above. */
    windowSeconds: seconds(30, 3_600).default(300),
    /** Fewer requests than this in the window are too few to judge: the gate stays unknown. */
    minRequests: count(1, 1_000_000).default(20),
    /** Lowest fraction of the pods that must report to Prometheus: what the others answer is not known. */
    minPodsReporting: fraction.default(0.75),
    /**
     * Fraction of a hold that may be unknown before it starts again: of a soak of 14 days a little more than three hours. What
     * is unknown in a hold of minutes is longer than that.
     */
    unknownBudget: z.number("a number from 0 to 0.1").min(0, "a number from 0 to 0.1").max(0.1, "a number from 0 to 0.1").default(0.01),
    /** Samples older than this are stale, so unknown. */
    maxSampleAgeSeconds: seconds(5, 3_600).default(90),
    /** Highest replica lag before the maintenance window. */
    maxReplicaLagSeconds: seconds(0, 3_600).default(10),
    /** How far the old database may be behind the promoted one, for the way back that loses nothing. */
    maxReverseLagSeconds: seconds(30, DAY).default(60),
    /** Whether steps wait for what streams back to the old database; false where it was lost and nobody mends it. */
    requireReverse: z.boolean().default(true),
    /** Allowed distance between intended and observed share of traffic. */
    trafficTolerance: fraction.default(0.05),
    /** A gate that has not passed after this long fails. */
    timeoutSeconds: seconds(60, 30 * DAY).default(3_600),
    /** How many bad samples in a row fail a gate early. */
    failAfterSamples: count(1, 100).default(3),
    /** Gates of your own: each is judged beside cutover's in the phases that it names. */
    own: ownGates,
  })
  .prefault({});

export const alerts = z
  .strictObject({
    /** Set by steps. */
    enabled: z.boolean().default(false),
    errorRate: fraction.default(0.05),
    latencyP95Seconds: z.number().positive("a number above 0").default(1),
    forSeconds: seconds(0, 3_600).default(300),
    intervalSeconds: seconds(5, 3_600).default(30),
    /** Labels of the PrometheusRule, by which the Prometheus operator selects it, for example `release: kube-prometheus-stack`. @default none */
    ruleLabels: z.record(z.string().min(1).max(317), z.string().max(63)).default({}),
    /** SNS topics that the CloudWatch alarms notify. */
    topicArns: z.array(arn("sns")).default([]),
  })
  .prefault({});

export const autoscaling = z
  .strictObject({
    hpa: z
      .strictObject({
        enabled: z.boolean().default(false),
        minReplicas: count(1, 1_000).default(3),
        maxReplicas: count(1, 1_000).default(10),
        cpuPercent: count(1, 100).default(70),
      })
      .refine((h) => h.minReplicas <= h.maxReplicas, { message: "minReplicas not above maxReplicas", path: ["minReplicas"] })
      .prefault({}),
    /** The VPA takes memory only while the HPA takes CPU; `Off` only recommends. */
    vpa: z
      .strictObject({ enabled: z.boolean().default(false), updateMode: z.enum(["Off", "Initial", "Auto"]).default("Auto") })
      .prefault({}),
  })
  .prefault({});

export const spot = z.strictObject({
  /** Set by steps. */
  enabled: z.boolean().default(false),
  nodeRoleArn: arn("iam"),
  subnetIds: z.array(awsId("subnet")).min(1),
  instanceTypes: z
    .array(z.string().min(1))
    .min(2, "at least two instance types, so that one reclaimed pool does not empty the group")
    .default(["m6i.large", "m5.large", "m5a.large"]),
  minSize: count(0, 100).default(1),
  maxSize: count(1, 100).default(5),
  desiredSize: count(0, 100).default(2),
});

export const verification = z
  .strictObject({
    smokeImage: image.default("curlimages/curl:8.11.1"),
    /** Command of the integration tests in the application's own image. */
    integrationCommand: z.array(z.string()).min(1).default(["npm", "test"]),
    integrationTimeoutSeconds: seconds(10, 7_200).default(600),
    /** Requests per second sent to the new side before users are, so that its gates have samples. 0 sends none. */
    syntheticRequestsPerSecond: count(0, 1_000).default(5),
    /** Whether the load generator runs. Set by steps. */
    synthetic: z.boolean().default(false),
  })
  .prefault({});

export const cluster = z.strictObject({
  /** EKS cluster. */
  name: z.string().min(1),
  /** Argo Rollouts release that is installed for canaries. */
  argoRolloutsVersion: z
    .string()
    .regex(/^v\d+\.\d+\.\d+$/, "a release, for example v1.8.3")
    .default("v1.8.3"),
  /**
   * IAM role that lets the Argo Rollouts controller verify weights at the load balancer itself: of elasticloadbalancing it needs
   * DescribeLoadBalancers, DescribeListeners, DescribeRules, DescribeTags, DescribeTargetGroups and DescribeTargetHealth.
   */
  argoRolloutsRoleArn: arn("iam").optional(),
  /** Prometheus as the cluster's pods reach it: a canary's analysis asks it. Where none answers, canaries abort themselves. */
  prometheusAddress: z
    .string()
    .regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#@]*)?$/, "a URL, for example http://prometheus.monitoring.svc:9090")
    .default("http://prometheus.monitoring.svc:9090"),
  /** Release of the Helm chart `vpa` that is installed for the Vertical Pod Autoscaler. */
  vpaChartVersion: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/, "a chart version, for example 4.10.0")
    .default("4.10.0"),
  /** Controllers that the cluster has already, or gets from another stack: one stack a cluster installs each. */
  provides: z.array(z.enum(["argo-rollouts", "vpa"])).default([]),
  /** Whether this stack installs Argo Rollouts. Set by steps. */
  argoRollouts: z.boolean().default(false),
  /** Whether this stack installs the Vertical Pod Autoscaler. Set by steps. */
  vpa: z.boolean().default(false),
});

/** Tags of every AWS resource, as cost allocation asks for them; `cutover:stack` is added to them. */
export const tags = z
  .record(z.string().regex(/^(?!aws:).{1,128}$/, "a tag key that does not begin with aws:"), z.string().max(256))
  .default({});

const promql = z.string().min(1, "a PromQL expression with one value");

/** What is waited for before a side is removed: requests, WebSockets and uploads that are still open on it. */
export const drain = z
  .strictObject({
    /**
     * The longest wait: after it the side is removed, whatever is still open there. As long as that is waited where nothing counts
     * what is open. 0 waits for nothing.
     */
    seconds: seconds(0, DAY).default(600),
    /**
     * Highest number of open connections that counts as drained. A load balancer that faces the internet always has some of scanners,
     * and an Application Load Balancer counts its clients' and those to its targets.
     */
    connections: count(0, 1_000_000).default(0),
    /**
     * PromQL expressions with one value: connections that are open, or requests that run. Pods are asked for their metrics and their
     * health by requests too: take those off, or allow for them in `connections`.
     */
    expressions: z
      .strictObject({
        /** Of the old side, in place of what the old load balancer counts. */
        old: promql.optional(),
        /** Of the pods of the new side that leave: blue, or the Deployment beside a Rollout. Without it nothing counts them. */
        new: promql.optional(),
      })
      .prefault({}),
  })
  .prefault({});

export const cleanup = z
  .strictObject({
    /** How long 100 % on the new side must hold before anything old is removed. */
    soakSeconds: seconds(0, 366 * DAY).default(14 * DAY),
    /** How long nobody may have used what is removed: it is looked at over all of that time. */
    unusedSeconds: seconds(3_600, 30 * DAY).default(DAY),
    /** Requests at the old load balancer in that time that are nobody's, such as those of scanners. */
    toleratedRequests: count(0, 1_000_000).default(0),
  })
  .prefault({});

const rollbackPolicy = z.enum(["automatic", "ask", "never"]);

/** What a failed gate does, per phase. */
export const rollback = z
  .strictObject({
    database: rollbackPolicy.default("automatic"),
    rollout: rollbackPolicy.default("automatic"),
    traffic: rollbackPolicy.default("automatic"),
    optimize: rollbackPolicy.default("automatic"),
  })
  .prefault({});

/** Checks of the program that are let pass, each by name with a reason; see docs/policies.md. */
export const policies = z
  .strictObject({
    waivers: z
      .array(
        z.strictObject({
          policy: z.enum(POLICY_NAMES, `one of ${POLICY_NAMES.join(", ")}`),
          /** Name of the resource in the program. @default every resource */
          resource: z.string().min(1).optional(),
          reason: z.string().min(10, "a reason of at least 10 characters: it stands in the journal"),
        }),
      )
      .default([]),
  })
  .prefault({});

/** How long a person's approval counts. */
export const approvals = z
  .strictObject({
    /** An approval that is older when its step begins has lapsed. */
    validSeconds: seconds(60, 30 * DAY).default(DAY),
    /** A "go" lapses when the gates do not pass so soon after it. */
    goSeconds: seconds(10, 3_600).default(120),
  })
  .prefault({});

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a local time, for example 22:00");
const localDateTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d$/, "a local date and time, for example 2026-12-24T18:00")
  .refine((text) => !Number.isNaN(Date.parse(`${text}Z`)), "a date that exists");
/** When a cutover may happen. */
export const calendar = z
  .strictObject({
    /** Of the times below. */
    timeZone: timeZone.default("UTC"),
    /** The database cutover begins only inside one of these. @default at any time */
    maintenance: z
      .array(
        z.strictObject({
          days: z.array(z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "a day: mon to sun")).min(1, "at least one day"),
          from: clockTime,
          /** One before `from` is on the next day. */
          to: clockTime,
        }),
      )
      .default([]),
    /** Nothing goes forward in these; going back always may. */
    freezes: z
      .array(
        z
          .strictObject({ from: localDateTime, to: localDateTime, why: z.string().min(1, "the reason, for those who ask") })
          .refine((f) => f.from < f.to, { message: "a time after `from`", path: ["to"] }),
      )
      .default([]),
  })
  .prefault({});

/** Data stores beside `database` that the application uses. cutover moves none of them, and gives no GO while one is undecided. */
export const stores = z
  .array(
    z.strictObject({
      /** For example MySQL, Redis, MongoDB, S3. */
      kind: z.string().min(1, "the kind of data store, for example MySQL"),
      /** How people find it: a host, an identifier. */
      name: z.string().min(1).optional(),
      /** `stays`: the new side uses it where it is. `moved-by-people`: outside cutover, before users move. */
      handling: z.enum(["undecided", "stays", "moved-by-people"]).default("undecided"),
    }),
  )
  .default([]);

/** What nobody has answered yet, as `cutover init` writes it: each stands against a GO until it is answered and removed. */
export const questions = z.array(z.string().min(1, "a question")).default([]);
