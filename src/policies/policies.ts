import { looksSecret } from "../lib/secrets.js";
import { atOnce, containersOf, isSet, type Properties, SEALED, UNKNOWN } from "./resource.js";

/** One resource as the program declares it. Values not known yet are UNKNOWN and pass; they are checked once they are known. */
export interface Declared {
  type: string;
  props: Properties;
}

export interface Finding {
  /** Property path in the resource. */
  path: string;
  got?: string;
  accepted: string;
}

/** A named check of every resource before it is registered, in previews as in updates. */
export interface Policy {
  name: string;
  /** What it makes sure of, as a sentence. */
  title: string;
  check: (resource: Declared) => Finding[];
}

const ANYWHERE = ["0.0.0.0/0", "::/0"];
const show = (value: unknown): string => JSON.stringify(value) ?? "nothing";

/** What a property must be; unknown values pass. */
function must(props: Properties, path: string, ok: (value: unknown) => boolean, accepted: string): Finding[] {
  const value = atOnce(props, path);
  if (value === UNKNOWN || ok(value)) return [];
  return [{ path, ...(value === undefined ? {} : { got: show(value) }), accepted }];
}

const only =
  (type: string, check: (props: Properties) => Finding[]) =>
  ({ type: actual, props }: Declared): Finding[] =>
    actual === type ? check(props) : [];

const database = (check: (props: Properties) => Finding[]) => only("aws:rds/instance:Instance", check);
const isPrimary = (props: Properties) => !isSet(props.replicateSourceDb);

interface Rule {
  protocol?: unknown;
  ipProtocol?: unknown;
  fromPort?: unknown;
  toPort?: unknown;
  cidrBlocks?: unknown;
  ipv6CidrBlocks?: unknown;
  cidrIpv4?: unknown;
  cidrIpv6?: unknown;
}

function securityGroupRules({ type, props }: Declared): Finding[] {
  const single = ["aws:ec2/securityGroupRule:SecurityGroupRule", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"];
  if (single.includes(type)) return props.type === "egress" ? [] : openRule(props as Rule, "");
  if (type !== "aws:ec2/securityGroup:SecurityGroup" || !Array.isArray(props.ingress)) return [];
  return props.ingress.flatMap((rule: Rule, i) => openRule(rule, `ingress[${i}].`));
}

function openRule(rule: Rule, at: string): Finding[] {
  const sources = [rule.cidrBlocks, rule.ipv6CidrBlocks, rule.cidrIpv4, rule.cidrIpv6].flat();
  const open = sources.find((s) => ANYWHERE.includes(String(s)));
  const protocol = rule.protocol ?? rule.ipProtocol;
  return [
    ...(open === undefined ? [] : [{ path: `${at}cidrBlocks`, got: show(open), accepted: "security groups, or networks of your own" }]),
    ...(protocol === "-1" || protocol === "all"
      ? [{ path: `${at}protocol`, got: show(protocol), accepted: "one protocol, for example tcp" }]
      : []),
    ...(rule.fromPort === 0 && rule.toPort === 65_535
      ? [{ path: `${at}fromPort`, got: "all ports", accepted: "the ports that are served" }]
      : []),
  ];
}

function plainSecrets({ type, props }: Declared): Finding[] {
  if (type === "kubernetes:core/v1:Secret") {
    return ["stringData", "data"].flatMap((field) =>
      Object.entries(isSet(props[field]) && props[field] !== SEALED ? (props[field] as Properties) : {})
        .filter(([, value]) => value !== SEALED && value !== UNKNOWN)
        .map(([key]) => ({
          path: `${field}.${key}`,
          got: "plain text (hidden)",
          accepted: "a secret output: pulumi.secret(…) or a secret of the config",
        })),
    );
  }
  if (type === "aws:rds/instance:Instance")
    return must(props, "password", (v) => v === undefined || v === SEALED, "a secret output").map((f) => ({
      ...f,
      got: "plain text (hidden)",
    }));
  const named: [string, string, unknown][] = [];
  if (type === "kubernetes:core/v1:ConfigMap")
    for (const [key, value] of Object.entries((props.data ?? {}) as Properties)) named.push([`data.${key}`, key, value]);
  for (const { path, container } of containersOf(props))
    for (const [i, { name, value }] of ((container.env ?? []) as { name: string; value?: unknown }[]).entries())
      named.push([`${path}.env[${i}]`, name, value]);
  return named
    .filter(([, key, value]) => typeof value === "string" && looksSecret(key, value))
    .map(([path, key]) => ({ path, got: `${key} in plain text (hidden)`, accepted: "a reference to a Kubernetes Secret" }));
}

/** As the Pod Security Standard "restricted" has it. */
const addsNothing = (value: unknown): boolean => ((value ?? []) as string[]).every((c) => c === "NET_BIND_SERVICE");

/** A group that this program makes has no other targets; its ARN is not known before. */
const isTargetGroupOfOurs = (props: Properties): boolean => atOnce(props, "spec.targetGroupARN") === UNKNOWN;

/** Encryption, protection and access of what holds data; what runs gets no more than it needs. */
export const POLICIES: readonly Policy[] = [
  {
    name: "no-public-database",
    title: "A database has no public address.",
    check: database((p) => must(p, "publiclyAccessible", (v) => v === false, "false")),
  },
  { name: "no-plain-text-secret", title: "No secret stands in plain text in a resource.", check: plainSecrets },
  {
    name: "encryption-at-rest",
    title: "Everything that holds data is encrypted.",
    check: (r) => [
      ...database((p) => must(p, "storageEncrypted", (v) => v === true, "true"))(r),
      ...only("aws:ebs/volume:Volume", (p) => must(p, "encrypted", (v) => v === true, "true"))(r),
      ...only("aws:efs/fileSystem:FileSystem", (p) => must(p, "encrypted", (v) => v === true, "true"))(r),
      ...only("aws:elasticache/replicationGroup:ReplicationGroup", (p) => must(p, "atRestEncryptionEnabled", (v) => v === true, "true"))(r),
    ],
  },
  {
    name: "encryption-in-transit",
    title: "A public load balancer has a certificate and sends HTTP to HTTPS.",
    check: only("kubernetes:networking.k8s.io/v1:Ingress", (p) =>
      [
        ["certificate-arn", "an ACM certificate"],
        ["ssl-redirect", '"443"'],
      ].flatMap(([name, accepted = ""]) => {
        const annotation = `alb.ingress.kubernetes.io/${name}`;
        const annotations = atOnce(p, "metadata.annotations");
        if (annotations === UNKNOWN || isSet((annotations as Properties | undefined)?.[annotation])) return [];
        return [{ path: `metadata.annotations["${annotation}"]`, accepted }];
      }),
    ),
  },
  {
    name: "modern-tls",
    title: "A load balancer accepts TLS 1.2 and later only: the controller's default is of 2016.",
    check: only("kubernetes:networking.k8s.io/v1:Ingress", (p) => {
      const annotations = atOnce(p, "metadata.annotations");
      const policy = (annotations as Properties | undefined)?.["alb.ingress.kubernetes.io/ssl-policy"];
      if (annotations === UNKNOWN || policy === UNKNOWN || /TLS13-1-[23]|TLS-1-2|FS-1-2/.test(String(policy))) return [];
      const got = policy === undefined ? {} : { got: show(policy) };
      return [
        {
          path: 'metadata.annotations["alb.ingress.kubernetes.io/ssl-policy"]',
          ...got,
          accepted: "a policy of TLS 1.2 and later, for example ELBSecurityPolicy-TLS13-1-2-2021-06",
        },
      ];
    }),
  },
  {
    name: "pause-before-stop",
    title: "A pod that pauses before it stops has time left to stop after the pause.",
    check: ({ props }) =>
      containersOf(props).flatMap(({ path, container, pod, podPath }) => {
        const pause = atOnce(container, "lifecycle.preStop.sleep.seconds");
        const grace = atOnce(pod, "terminationGracePeriodSeconds") ?? 30;
        if (typeof pause !== "number" || typeof grace !== "number" || grace > pause) return [];
        return [
          {
            path: `${podPath}.terminationGracePeriodSeconds`,
            got: show(grace),
            accepted: `more than ${path}.lifecycle.preStop.sleep.seconds (${pause})`,
          },
        ];
      }),
  },
  {
    name: "own-target-groups",
    title: "A TargetGroupBinding leaves the targets alone that others registered: without its flag the controller takes them out at once.",
    check: ({ type, props }) =>
      type.startsWith("kubernetes:elbv2.k8s.aws/") && type.endsWith(":TargetGroupBinding")
        ? [
            ...(isTargetGroupOfOurs(props) ? [] : must(props, "spec.multiClusterTargetGroup", (v) => v === true, "true")),
            ...must(props, "spec.targetType", (v) => v === "ip", '"ip": a group of instances needs NodePorts'),
          ]
        : [],
  },
  {
    name: "deletion-protection",
    title: "A database that holds the only copy is protected against deletion and leaves a final snapshot.",
    check: database((p) =>
      isPrimary(p)
        ? [...must(p, "deletionProtection", (v) => v === true, "true"), ...must(p, "skipFinalSnapshot", (v) => v !== true, "false")]
        : [],
    ),
  },
  {
    name: "backups",
    title: "A primary database keeps backups for a week at least.",
    check: database((p) => (isPrimary(p) ? must(p, "backupRetentionPeriod", (v) => Number(v) >= 7, "7 days or more") : [])),
  },
  {
    name: "least-privilege-security-groups",
    title: "A security group names who may connect, over which protocol and port.",
    check: securityGroupRules,
  },
  {
    name: "least-privilege-rbac",
    title: "A Kubernetes role names its verbs and API groups.",
    check: ({ type, props }) =>
      type.startsWith("kubernetes:rbac.authorization.k8s.io/") && Array.isArray(props.rules)
        ? (props.rules as { verbs?: string[]; apiGroups?: string[] }[]).flatMap((rule, i) => [
            ...(rule.verbs?.includes("*") ? [{ path: `rules[${i}].verbs`, got: '"*"', accepted: "the verbs that are used" }] : []),
            ...(rule.apiGroups?.includes("*")
              ? [{ path: `rules[${i}].apiGroups`, got: '"*"', accepted: "the API groups that are used" }]
              : []),
          ])
        : [],
  },
  {
    name: "pinned-images",
    title: "Every image has a fixed tag or digest: latest cannot be rolled back to.",
    check: ({ props }) =>
      containersOf(props).flatMap(({ path, container }) =>
        typeof container.image === "string" && !/(:(?!latest$)[\w][\w.-]*|@sha256:[a-f0-9]{64})$/.test(container.image)
          ? [{ path: `${path}.image`, got: show(container.image), accepted: "an image with a fixed tag or digest" }]
          : [],
      ),
  },
  {
    name: "restricted-pods",
    title: "Pods run without root, privileges, further capabilities, a writable root file system or the node's network.",
    check: ({ props }) =>
      containersOf(props).flatMap(({ path, container, pod, podPath }) => [
        ...must({ ...pod, container } as Properties, "hostNetwork", (v) => v !== true, "false").map((f) => ({
          ...f,
          path: `${podPath}.hostNetwork`,
        })),
        ...(atOnce(container, "securityContext.runAsNonRoot") === true || atOnce(pod, "securityContext.runAsNonRoot") === true
          ? []
          : [{ path: `${podPath}.securityContext.runAsNonRoot`, accepted: "true" }]),
        ...must(container, "securityContext.privileged", (v) => v !== true, "false").map((f) => ({ ...f, path: `${path}.${f.path}` })),
        ...must(container, "securityContext.allowPrivilegeEscalation", (v) => v === false, "false").map((f) => ({
          ...f,
          path: `${path}.${f.path}`,
        })),
        ...must(container, "securityContext.readOnlyRootFilesystem", (v) => v === true, "true").map((f) => ({
          ...f,
          path: `${path}.${f.path}`,
        })),
        ...must(container, "securityContext.capabilities.add", addsNothing, "none but NET_BIND_SERVICE").map((f) => ({
          ...f,
          path: `${path}.${f.path}`,
        })),
        ...(atOnce(container, "securityContext.runAsUser") === 0 || atOnce(pod, "securityContext.runAsUser") === 0
          ? [{ path: `${podPath}.securityContext.runAsUser`, got: "0", accepted: "another user than root" }]
          : []),
      ]),
  },
  {
    name: "bounded-resources",
    title: "Every container asks for CPU and memory and has a memory limit.",
    check: ({ props }) =>
      containersOf(props).flatMap(({ path, container }) =>
        ["requests.cpu", "requests.memory", "limits.memory"].flatMap((amount) =>
          must(container, `resources.${amount}`, isSet, "an amount").map((f) => ({ ...f, path: `${path}.${f.path}` })),
        ),
      ),
  },
];

export const POLICY_NAMES = POLICIES.map((p) => p.name) as [string, ...string[]];
