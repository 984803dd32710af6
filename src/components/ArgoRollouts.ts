import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { requireName, requireText } from "./checks.js";

export interface ArgoRolloutsArgs {
  /** Release, for example `v1.8.3`. */
  version: string;
  /** Namespace that is made for the controller. @default "argo-rollouts" */
  namespace?: string;
  /**
   * IAM role (for service accounts) that may describe load balancers, listeners, rules, tags, target groups and target health. With
   * it the controller checks at the load balancer itself that a weight is in force before it scales anything down.
   * Absent: it trusts the Ingress.
   */
  roleArn?: pulumi.Input<string>;
}

/** Kinds of the API group argoproj.io: plural → kind and scope. */
const KINDS = [
  {
    plural: "rollouts",
    kind: "Rollout",
    scope: "Namespaced",
    subresources: {
      status: {},
      scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.HPAReplicas", labelSelectorPath: ".status.selector" },
    },
  },
  { plural: "experiments", kind: "Experiment", scope: "Namespaced", subresources: { status: {} } },
  { plural: "analysistemplates", kind: "AnalysisTemplate", scope: "Namespaced", subresources: {} },
  { plural: "clusteranalysistemplates", kind: "ClusterAnalysisTemplate", scope: "Cluster", subresources: {} },
  { plural: "analysisruns", kind: "AnalysisRun", scope: "Namespaced", subresources: { status: {} } },
];

/** What the controller does, from the install manifest of its release. */
const RULES = [
  { apiGroups: ["argoproj.io"], resources: ["*"], verbs: ["create", "get", "list", "watch", "update", "patch", "delete"] },
  {
    apiGroups: ["apps"],
    resources: ["replicasets", "deployments"],
    verbs: ["create", "get", "list", "watch", "update", "patch", "delete"],
  },
  { apiGroups: [""], resources: ["services"], verbs: ["get", "list", "watch", "patch"] },
  { apiGroups: [""], resources: ["secrets", "configmaps"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["pods"], verbs: ["list", "update", "watch"] },
  { apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"] },
  { apiGroups: [""], resources: ["events"], verbs: ["create", "update", "patch"] },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses"], verbs: ["create", "get", "list", "watch", "update", "patch"] },
  { apiGroups: ["batch"], resources: ["jobs"], verbs: ["create", "get", "list", "watch", "update", "patch", "delete"] },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create", "get", "update"] },
  // With the next: which pods' addresses must be in the target group.
  { apiGroups: [""], resources: ["endpoints"], verbs: ["get"] },
  { apiGroups: ["elbv2.k8s.aws"], resources: ["targetgroupbindings"], verbs: ["list", "get"] },
];

/**
 * Argo Rollouts from a pinned release; "latest" would change under one's feet. One installation a cluster.
 *
 * @example
 * new ArgoRollouts("argo-rollouts", { version: "v1.8.3", roleArn });
 *
 * @seed kubectl create namespace argo-rollouts; kubectl apply -f install.yaml
 * @cost One small pod.
 */
export class ArgoRollouts extends pulumi.ComponentResource {
  readonly nodes: { controller: k8s.apps.v1.Deployment; definitions: k8s.apiextensions.v1.CustomResourceDefinition[] };

  constructor(name: string, args: ArgoRolloutsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:ArgoRollouts", name, {}, opts);
    const app = "argo-rollouts";
    requireText(`ArgoRollouts(${name}).version`, args.version, /^v\d+\.\d+\.\d+$/, "a release, for example v1.8.3");
    requireName(`ArgoRollouts(${name}).namespace`, args.namespace);
    const labels = { "app.kubernetes.io/name": app, "app.kubernetes.io/part-of": app };
    const namespace = new k8s.core.v1.Namespace(app, { metadata: { name: args.namespace ?? app, labels } }, { parent: this });
    const metadata = { name: app, namespace: namespace.metadata.name, labels };
    const definitions = KINDS.map((kind) => this.definition(kind, labels));
    const iam = args.roleArn === undefined ? {} : { annotations: { "eks.amazonaws.com/role-arn": args.roleArn } };
    const account = new k8s.core.v1.ServiceAccount(app, { metadata: { ...metadata, ...iam } }, { parent: this });
    const role = new k8s.rbac.v1.ClusterRole(app, { metadata: { name: app, labels }, rules: RULES }, { parent: this });
    new k8s.rbac.v1.ClusterRoleBinding(
      app,
      {
        metadata: { name: app, labels },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role.metadata.name },
        subjects: [{ kind: "ServiceAccount", name: account.metadata.name, namespace: namespace.metadata.name }],
      },
      { parent: this },
    );
    const controller = this.controller(app, metadata, labels, args, definitions);
    this.nodes = { controller, definitions };
    this.registerOutputs({});
  }

  /** The API server keeps every field; the controller checks them. */
  private definition(
    { plural, kind, scope, subresources }: (typeof KINDS)[number],
    labels: Record<string, string>,
  ): k8s.apiextensions.v1.CustomResourceDefinition {
    const name = `${plural}.argoproj.io`;
    return new k8s.apiextensions.v1.CustomResourceDefinition(
      name,
      {
        metadata: { name, labels },
        spec: {
          group: "argoproj.io",
          scope,
          names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
          versions: [
            {
              name: "v1alpha1",
              served: true,
              storage: true,
              schema: {
                openAPIV3Schema: {
                  type: "object",
                  properties: {
                    spec: { type: "object", x_kubernetes_preserve_unknown_fields: true },
                    status: { type: "object", x_kubernetes_preserve_unknown_fields: true },
                  },
                },
              },
              subresources,
            },
          ],
        },
      },
      // With a definition go all objects of its kind, also those of others in this cluster.
      { parent: this, retainOnDelete: true },
    );
  }

  private controller(
    app: string,
    metadata: object,
    labels: Record<string, string>,
    args: ArgoRolloutsArgs,
    definitions: pulumi.Resource[],
  ): k8s.apps.v1.Deployment {
    return new k8s.apps.v1.Deployment(
      app,
      {
        metadata,
        spec: {
          replicas: 1,
          selector: { matchLabels: { "app.kubernetes.io/name": app } },
          template: {
            metadata: { labels },
            spec: {
              serviceAccountName: app,
              securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
              containers: [
                {
                  name: app,
                  image: `quay.io/argoproj/argo-rollouts:${args.version}`,
                  ...(args.roleArn === undefined ? {} : { args: ["--aws-verify-target-group"] }),
                  ports: [
                    { containerPort: 8090, name: "metrics" },
                    { containerPort: 8080, name: "healthz" },
                  ],
                  livenessProbe: {
                    httpGet: { path: "/healthz", port: "healthz" },
                    initialDelaySeconds: 30,
                    periodSeconds: 20,
                    timeoutSeconds: 10,
                    failureThreshold: 3,
                  },
                  readinessProbe: {
                    httpGet: { path: "/metrics", port: "metrics" },
                    initialDelaySeconds: 10,
                    periodSeconds: 5,
                    timeoutSeconds: 4,
                    failureThreshold: 5,
                  },
                  securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
                  resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "500m", memory: "512Mi" } },
                },
              ],
            },
          },
        },
      },
      { parent: this, dependsOn: definitions },
    );
  }
}
