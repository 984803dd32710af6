import { createRequire } from "node:module";
import type { Shape } from "./shape.js";

/** Kinds that no package declares: what their controllers' own definitions require of the fields that are used. */
const require = createRequire(import.meta.url);
const { types: kubernetes } = require("./kubernetes.json") as { types: Record<string, Shape> };

const object = (group: string, kind: string, spec: string): Shape => ({
  apiVersion: ["one", group],
  kind: ["one", kind],
  metadata: ["ref", "meta.v1.ObjectMeta"],
  spec: ["ref", spec],
});

const TYPES: Record<string, Shape> = {
  ...kubernetes,
  // Argo Rollouts v1.8: manifests/crds/rollout-crd.yaml
  Rollout: {
    "replicas?": "number",
    "revisionHistoryLimit?": "number",
    selector: ["ref", "meta.v1.LabelSelector"],
    template: ["ref", "core.v1.PodTemplateSpec"],
    strategy: ["ref", "RolloutStrategy"],
    "minReadySeconds?": "number",
    "progressDeadlineSeconds?": "number",
  },
  RolloutStrategy: { "canary?": ["ref", "CanaryStrategy"] },
  CanaryStrategy: {
    "steps?": ["list", ["ref", "CanaryStep"]],
    "stableService?": "string",
    "pingPong?": ["ref", "PingPong"],
    "canaryService?": "string",
    "trafficRouting?": ["ref", "TrafficRouting"],
    "analysis?": ["ref", "BackgroundAnalysis"],
    "maxSurge?": "any",
    "maxUnavailable?": "any",
    "dynamicStableScale?": "boolean",
    "abortScaleDownDelaySeconds?": "number",
  },
  PingPong: { pingService: "string", pongService: "string" },
  CanaryStep: { "setWeight?": "number", "pause?": ["ref", "Pause"] },
  Pause: { "duration?": ["any-of", "string", "number"] },
  TrafficRouting: { "alb?": ["ref", "AlbRouting"] },
  AlbRouting: { ingress: "string", "rootService?": "string", servicePort: "number", "annotationPrefix?": "string" },
  BackgroundAnalysis: { templates: ["list", ["ref", "AnalysisRef"]], "startingStep?": "number", "args?": "any" },
  AnalysisRef: { templateName: "string", "clusterScope?": "boolean" },
  // manifests/crds/analysis-template-crd.yaml
  AnalysisTemplate: { metrics: ["list", ["ref", "Metric"]], "args?": "any" },
  Metric: {
    name: "string",
    "interval?": "string",
    "count?": ["any-of", "number", "string"],
    "failureLimit?": ["any-of", "number", "string"],
    "inconclusiveLimit?": ["any-of", "number", "string"],
    "successCondition?": "string",
    "failureCondition?": "string",
    provider: ["ref", "MetricProvider"],
  },
  MetricProvider: { "prometheus?": ["ref", "PrometheusMetric"] },
  PrometheusMetric: { "address?": "string", query: "string", "timeout?": "number" },
  // prometheus-operator: monitoring.coreos.com_prometheusrules.yaml
  PrometheusRule: { groups: ["list", ["ref", "RuleGroup"]] },
  RuleGroup: { name: "string", "interval?": "string", rules: ["list", ["ref", "Rule"]] },
  Rule: {
    "alert?": "string",
    "record?": "string",
    expr: ["any-of", "string", "number"],
    "for?": "string",
    "labels?": ["map", "string"],
    "annotations?": ["map", "string"],
  },
  // aws-load-balancer-controller v3: config/crd/bases/elbv2.k8s.aws_targetgroupbindings.yaml
  TargetGroupBinding: {
    "targetGroupARN?": "string",
    "targetGroupName?": "string",
    "targetType?": ["one", "instance", "ip"],
    serviceRef: ["ref", "TargetGroupService"],
    "vpcID?": "string",
    "multiClusterTargetGroup?": "boolean",
    "networking?": ["ref", "TargetGroupNetworking"],
  },
  TargetGroupService: { name: "string", port: ["any-of", "number", "string"] },
  TargetGroupNetworking: { "ingress?": ["list", ["ref", "TargetGroupIngress"]] },
  TargetGroupIngress: { from: ["list", ["ref", "TargetGroupPeer"]], ports: ["list", ["ref", "TargetGroupPort"]] },
  TargetGroupPeer: { "securityGroup?": ["ref", "TargetGroupSecurityGroup"], "ipBlock?": "any" },
  TargetGroupSecurityGroup: { groupID: "string" },
  TargetGroupPort: { "port?": ["any-of", "number", "string"], "protocol?": ["one", "TCP", "UDP"] },
  // kubernetes/autoscaler: vertical-pod-autoscaler/deploy/vpa-v1-crd-gen.yaml
  VerticalPodAutoscaler: {
    targetRef: ["ref", "autoscaling.v2.CrossVersionObjectReference"],
    "updatePolicy?": ["ref", "VpaUpdatePolicy"],
    "resourcePolicy?": ["ref", "VpaResourcePolicy"],
  },
  VpaUpdatePolicy: { "updateMode?": ["one", "Off", "Initial", "Recreate", "Auto", "InPlaceOrRecreate"], "minReplicas?": "number" },
  VpaResourcePolicy: { "containerPolicies?": ["list", ["ref", "VpaContainerPolicy"]] },
  VpaContainerPolicy: {
    "containerName?": "string",
    "mode?": ["one", "Auto", "Off"],
    "controlledResources?": ["list", ["one", "cpu", "memory"]],
    "minAllowed?": ["map", "string"],
    "maxAllowed?": ["map", "string"],
  },
};

const argo = "argoproj.io/v1alpha1";

export const CUSTOM_RESOURCES: Record<string, { shape: Shape; types: Record<string, Shape> }> = Object.fromEntries(
  [
    [argo, "Rollout"],
    [argo, "AnalysisTemplate"],
    ["monitoring.coreos.com/v1", "PrometheusRule"],
    ["autoscaling.k8s.io/v1", "VerticalPodAutoscaler"],
    ["elbv2.k8s.aws/v1beta1", "TargetGroupBinding"],
  ].map(([group = "", kind = ""]) => [`kubernetes:${group}:${kind}`, { shape: object(group, kind, kind), types: TYPES }]),
);
